"""The backends screen."""
