"""Backend replies into Anthropic events; a body enters here only after it was sent."""
