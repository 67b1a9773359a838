"""Where the floors of the behaviours come from: what healthy models reach, and what damaged ones do."""
