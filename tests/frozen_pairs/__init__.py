"""Runs of the whole suite on known pairs of model and baseline, with the verdicts that they must give."""
