"""Chat templates: rendered, questioned, and what follows for the requests."""
