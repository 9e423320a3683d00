"""Claude Code itself: its version, its settings and how it is started."""
