"""Servers that we start: their process, its guard, readiness and restarts."""
