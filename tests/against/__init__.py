"""Old against new in one command: pairs of systems, and what the suite has to say of each."""
