"""Recordings of the real Claude Code, in asciinema's format (asciicast v2).

`python -m tests.terminal.recordings` makes them anew in tests/assets/recordings/, from the
binary in tests/e2e against the scripted server: the emulator answers its queries, a script
types. They are replayed by the tests; nothing personal is in them.
"""

from __future__ import annotations

import asyncio
import codecs
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyclaude_tui.claude_code.environment import child_env
from anyclaude_tui.terminal.emulator import Emulator
from anyclaude_tui.terminal.pty import ExitStatus, PtyProcess
from tests.support.assets import ASSETS
from tests.terminal.fake_server import fake_server

FOLDER = ASSETS / "recordings"
CLAUDE = (
    Path(__file__)
    .parents[1]
    .joinpath("e2e", "node_modules", "@anthropic-ai", "claude-code", "bin", "claude.exe")
)

Step = str | tuple[int, int] | float
"""Keys to type, a size (rows, columns) to take, or seconds to wait."""


@dataclass
class Recording:
    """What one program wrote, with the changes of size between."""

    rows: int
    columns: int
    parts: list[bytes | tuple[int, int]] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> Recording:
        """Read an asciicast."""
        header, *lines = path.read_text("utf-8").splitlines()
        size = json.loads(header)
        recording = cls(size["height"], size["width"])
        for line in lines:
            _, kind, data = json.loads(line)
            if kind == "r":
                columns, rows = map(int, data.split("x"))
                recording.parts.append((rows, columns))
            else:
                recording.parts.append(data.encode("utf-8", "surrogateescape"))
        return recording

    @property
    def size_bytes(self) -> int:
        """Bytes written."""
        return sum(len(part) for part in self.parts if isinstance(part, bytes))


def recordings() -> list[Path]:
    """All that are checked in."""
    return sorted(FOLDER.glob("*.cast"))


# Claude Code 2.1.329 takes the alternate screen and the mouse; with this it does not.
CLASSIC = {"CLAUDE_CODE_NO_FLICKER": "0"}
QUIT: tuple[Step, ...] = ("\x03", 0.3, "\x03", 1.0)

SCRIPTS: dict[str, tuple[int, int, dict[str, str], Sequence[Step]]] = {
    "markdown": (34, 100, {}, (3.0, "show me some markdown", 0.3, "\r", 4.0, *QUIT)),
    "classic-markdown": (34, 100, CLASSIC, (3.0, "some markdown", 0.3, "\r", 4.0, *QUIT)),
    "resize": (
        24,
        80,
        {},
        (3.0, "long", 0.2, "\r", 0.8, (20, 60), 0.8, (30, 100), 1.5, "\x1b[5~", 0.5, *QUIT),
    ),
    "classic-resize": (
        24,
        80,
        CLASSIC,
        (3.0, "long", 0.2, "\r", 0.8, (20, 60), 0.8, (30, 100), 1.5, (24, 80), 1.0, *QUIT),
    ),
    "editing": (
        24,
        80,
        {},
        (
            *(3.0, "one", "\x1b[13;2u", "two", "\x1b\r", "three 漢字 👩‍👩‍👧", 0.5),
            *("\x1b[A", "\x1b[H", "x", 0.5, "\x1b[200~" + "pasted line\n" * 30 + "\x1b[201~"),
            *(0.7, "\x15", "\x15", 0.5, "?", 0.7, "\x7f", "/help", 0.5, "\r", 1.0, "\x1b", 0.5),
            *("\x1b[Z", 0.5, *QUIT),
        ),
    ),
    "tool": (
        24,
        80,
        {},
        (3.0, "use a tool", 0.2, "\r", 3.0, "long", 0.3, "\r", 0.3, "\x1b", 1.0, *QUIT),
    ),
}


async def record(name: str, url: str, home: Path) -> Recording:
    """Run the real Claude Code by a script."""
    rows, columns, extra, steps = SCRIPTS[name]
    project = home / "project"
    project.mkdir(exist_ok=True)
    (home / ".claude.json").write_text(
        json.dumps(
            {
                "hasCompletedOnboarding": True,
                "projects": {str(project.resolve()): {"hasTrustDialogAccepted": True}},
            }
        )
    )
    environment = child_env(
        {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "USER": "someone",
            "HOME": str(home),
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_AUTH_TOKEN": "token",
            "ANTHROPIC_MODEL": "fake-model",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            **extra,
        }
    )
    recording = Recording(rows, columns)
    ended: asyncio.Future[ExitStatus] = asyncio.get_running_loop().create_future()
    process: PtyProcess | None = None

    def send(data: bytes) -> None:
        if process is not None:
            process.write(data)

    emulator = Emulator(rows, columns, send=send, report=lambda event: None)

    def received(data: bytes) -> None:
        recording.parts.append(data)
        emulator.feed(data)

    process = PtyProcess.spawn(
        [str(CLAUDE)], environment, str(project), rows, columns,
        on_data=received, on_exit=ended.set_result,
    )  # fmt: skip
    for step in steps:
        if isinstance(step, float):
            await asyncio.sleep(step)
        elif isinstance(step, tuple):
            recording.parts.append(step)
            emulator.resize(*step)
            process.resize(*step)
        else:
            process.write(step.encode())
    await process.aclose()
    return recording


def save(recording: Recording, path: Path) -> None:
    """Write an asciicast: small parts joined, and no times, so that a diff shows content."""
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    lines: list[list[Any]] = []
    for part in recording.parts:
        if isinstance(part, tuple):
            lines.append([0.0, "r", f"{part[1]}x{part[0]}"])
        elif lines and lines[-1][1] == "o" and len(lines[-1][2]) < 2000:
            lines[-1][2] += decode(part)
        else:
            lines.append([0.0, "o", decode(part)])
    header = {"version": 2, "width": recording.columns, "height": recording.rows}
    path.write_text(
        "".join(json.dumps(line, ensure_ascii=True) + "\n" for line in [header, *lines])
    )


async def main() -> None:
    """Make them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with fake_server() as url:
        for name in SCRIPTS:
            with tempfile.TemporaryDirectory(prefix="recording-") as folder:
                began = time.monotonic()
                recording = await record(name, url, Path(folder))
                save(recording, FOLDER / f"{name}.cast")
                print(f"{name}: {recording.size_bytes} bytes, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    asyncio.run(main())
