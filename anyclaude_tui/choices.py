"""What the user chooses on the first screen and wants to keep: written into `config.toml`."""

from __future__ import annotations

from pathlib import Path

from anyclaude_tui import config_write


def save_backend(home: Path, spec: str) -> Path:
    """Write `backend = "SPEC"` into the user's configuration; returns the file.

    Raises ConfigError when the file is wrong already, OSError when it cannot be written.
    """
    return config_write.save(home, {("backend",): spec})[0]


def with_backend(text: str, spec: str) -> str:
    """The TOML text with this backend as the one to start with."""
    return config_write.with_value(text, ("backend",), spec)
