"""The same work on several targets, and the verdict."""
