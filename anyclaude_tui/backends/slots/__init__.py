"""The number of requests that a server takes at once: who says it, and how it is measured."""
