"""LM Studio: its API, its files and the backend."""
