"""Answers support questions with the nearest of the answers that support has written."""
