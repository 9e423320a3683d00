"""Where two prompts part, and why: pure, below the proxy and telemetry."""
