"""The proxy, its backends and what watches them, put together and run on one loop."""
