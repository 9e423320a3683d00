"""Claude Code in a PTY, and the screen it paints."""
