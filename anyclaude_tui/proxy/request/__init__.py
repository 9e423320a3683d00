"""Anthropic requests into what a backend reads; a body enters here before it is sent."""
