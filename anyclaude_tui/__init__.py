"""anyclaude-tui: Claude Code on local models, in one dashboard that says why it is slow."""

__version__ = "0.1.0"
