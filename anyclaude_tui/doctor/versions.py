"""The output of `--version`: our version, and those of packages that matter in a fault report.

It is imported for `--version` alone and must be quick: nothing heavy is imported, nothing run.
"""

from __future__ import annotations

import platform
from importlib import metadata

from anyclaude_tui import __version__

PACKAGES = ("textual", "bittty", "aiohttp", "msgspec", "tokenizers", "mlx-lm", "vllm-mlx")
"""The last two need not be there."""


def packages() -> list[str]:
    """`name version` of the packages that matter and are there."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return found


def lines() -> list[str]:
    """All of it."""
    system = f"{platform.system()} {platform.machine()}"
    return [
        f"anyclaude-tui {__version__}",
        f"Python {platform.python_version()}, {system}",
        ", ".join(packages()),
        _claude(),
    ]


def _claude() -> str:
    from anyclaude_tui.claude_code import version as claude_version

    command = claude_version.installed()
    if command is None:
        return "Claude Code: not found"
    version = claude_version.read(command) or "version not known"
    tried = f"tried with {claude_version.OLDEST_TESTED} to {claude_version.NEWEST_TESTED}"
    return f"Claude Code {version} ({tried})"
