"""The built-in simulated model server."""
