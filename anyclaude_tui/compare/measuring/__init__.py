"""Comparison runs: made, timed and followed."""
