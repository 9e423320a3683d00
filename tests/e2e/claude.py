"""The real Claude Code, as a child process: with `-p`, or for a terminal.

It runs in a fresh HOME, prepared so that it asks nothing, and in an environment of its own that
keeps it from talking to anything but the given server (source: `docs/protocol/claude-code.md`,
"Endpoints and start-up" and the table of variables).
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.terminal import end_group

_MODULES = Path(__file__).parent / "node_modules"
COMMAND = _MODULES / "@anthropic-ai" / "claude-code" / "bin" / "claude.exe"
"""The newest that is tested; it is called so on Linux and macOS too."""
OLDEST = _MODULES / "claude-code-oldest" / "bin" / "claude.exe"
"""The oldest that we promise: for `test_versions.py` alone."""

QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "CLAUDE_CODE_DISABLE_TERMINAL_TITLE": "1",
    "IS_SANDBOX": "1",
}
"""No traffic off the machine, no title request, and root may skip permissions."""


def require(program: Path = COMMAND) -> None:
    """Raises AssertionError, with the words how to install it, where Claude Code is missing."""
    assert program.exists(), (
        f"Claude Code is not installed at {program}: run `make test`, or "
        "`npm ci --prefix tests/e2e`"
    )


def clean_environment(home: Path) -> dict[str, str]:
    """An environment for a child: nothing of ours but PATH, and everything it writes in `home`.

    The variables of a Claude Code that runs these tests must not reach the one under test.
    """
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "ANYCLAUDE_HOME": str(home / ".anyclaude"),
        "HF_HUB_OFFLINE": "1",
    } | {name: os.environ[name] for name in ("PYTHONPATH", "SSL_CERT_FILE") if name in os.environ}


def settle(home: Path, cwd: Path) -> None:
    """Writes the `~/.claude.json` with which an interactive start asks nothing."""
    trusted = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
    settings = {
        "hasCompletedOnboarding": True,
        "bypassPermissionsModeAccepted": True,
        "projects": {os.path.realpath(cwd): trusted},
    }
    (home / ".claude.json").write_text(json.dumps(settings), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Printed:
    """How a `claude -p` ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def result(self) -> dict[str, Any]:
        """The object that `--output-format json` prints."""
        parsed: dict[str, Any] = json.loads(self.out)
        return parsed


class Claude:
    """Claude Code for one test: its folders, its environment, and how to start it."""

    program = COMMAND

    def __init__(self, root: Path, url: str, token: str, **env: str) -> None:
        require()
        self.home = root / "home"
        self.cwd = root / "project"
        self.cwd.mkdir(parents=True, exist_ok=True)
        self.env = clean_environment(self.home) | QUIET
        self.env |= {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_AUTH_TOKEN": token} | env
        settle(self.home, self.cwd)

    def command(self, *args: str) -> list[str]:
        """The command line, for a terminal."""
        return [str(self.program), *args]

    async def ask(self, prompt: str, *args: str, timeout: float = 90, **env: str) -> Printed:
        """Runs `claude -p prompt args…` to its end.

        Raises AssertionError with what it has printed when the time is up.
        """
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *self.command("-p", prompt, *args),
            cwd=self.cwd,
            env=self.env | env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout
        assert process.stderr
        reading = asyncio.gather(process.stdout.read(), process.stderr.read())
        try:
            await asyncio.wait_for(process.wait(), timeout)
            late = False
        except TimeoutError:
            late = True
        finally:
            await end_group(process)
        out, err = (data.decode(errors="replace") for data in await reading)
        assert not late, f"claude -p did not end within {timeout} s\n{out}\n{err}"
        assert process.returncode is not None
        return Printed(process.returncode, out, err, time.monotonic() - began)


def allow(*tools: str) -> Sequence[str]:
    """Arguments that offer these tools and no others, and allow them."""
    return ("--tools", ",".join(tools), "--allowedTools", *tools)
