"""Rebuilds the bundled checkpoint `mini` from packages alone. Not part of the evaluation suite."""
