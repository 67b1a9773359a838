"""How often the verdict is wrong: null runs on values that were observed, and losses of known size."""
