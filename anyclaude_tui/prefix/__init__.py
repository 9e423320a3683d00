"""The first difference between two prompts, and its cause: pure, below the proxy and telemetry."""
