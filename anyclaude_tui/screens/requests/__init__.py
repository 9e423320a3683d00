"""The list of requests, and one request in detail."""
