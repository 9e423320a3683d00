"""Models on this disk: found, read, and weighed against this memory."""
