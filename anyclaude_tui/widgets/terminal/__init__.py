"""The terminal pane."""
