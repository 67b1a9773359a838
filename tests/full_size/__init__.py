"""The suite at the published size, on random weights: ``python -m tests.full_size --help``."""
