"""The scene in the screenshots: the real Claude Code, a scripted model, a small bug to mend.

    python -m tools.scene     record it anew in tools/scenes/ (needs tests/e2e/node_modules)

The bytes that it writes are kept and replayed, so that screenshots can be made without it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from aiohttp import web
from bittty import Board, MemoryConnection  # type: ignore[import-untyped]

from anyclaude_tui.claude_code.environment import child_env
from anyclaude_tui.terminal.emulator import Emulator
from anyclaude_tui.terminal.pty import PtyProcess
from tests.terminal.fake_server import FakeServer
from tests.terminal.recordings import CLAUDE

FOLDER = Path(__file__).parent / "scenes"
SIZES = ((112, 46), (80, 20))
"""The pane in a window of 160×48 and of 80×24."""
MODEL = "gpt-oss-20b"
PROMPT = "test_empty_row fails since yesterday. Find out why and mend it."
IMPORTER = '''\
"""Read orders from a CSV file."""

import csv


def rows(path):
    with open(path, newline="") as file:
        for row in csv.reader(file):
            yield {"id": row[0], "total": float(row[1])}
'''
TEST = """\
import unittest

from importer import rows


class Rows(unittest.TestCase):
    def test_empty_row(self):
        with open("orders.csv", "w") as file:
            file.write("a,1.5\\n\\nb,2\\n")
        self.assertEqual([row["id"] for row in rows("orders.csv")], ["a", "b"])
"""
LAST = """\
`csv.reader` gives an empty list for an empty line, and `row[0]` failed on it. I skip such rows \
now:

- `importer.py`: rows without fields are passed over
- `test_empty_row` passes again

The file had no empty lines until the export changed its line endings, which is why it worked \
before.
"""
UNTIL = "passes again"
"""The picture is taken in the middle of the last answer."""


class Script(FakeServer):
    """Answers by how far the conversation has come."""

    def __init__(self, project: Path) -> None:
        super().__init__(delay_s=0.02)
        self._project = project

    def _reply(self, body: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
        if not body.get("tools"):
            return '{"title": "Mend the importer"}', None
        results = json.dumps(body["messages"]).count('"tool_result"')
        path = str(self._project / "importer.py")
        old = "        for row in csv.reader(file):\n            yield"
        new = "        for row in csv.reader(file):\n            if not row:\n"
        new += "                continue\n            yield"
        edit = {"file_path": path, "old_string": old, "new_string": new, "replace_all": False}
        run = {"command": "python3 -m unittest -q", "description": "Run the tests"}
        steps: list[tuple[str, dict[str, Any] | None]] = [
            ("I'll look at the importer first.", {"name": "Read", "input": {"file_path": path}}),
            ("An empty line gives an empty row.", {"name": "Edit", "input": edit}),
            ("Now the tests.", {"name": "Bash", "input": run}),
            (LAST, None),
        ]
        return steps[min(results, len(steps) - 1)]


THEMES = ("dark", "light")
"""Claude Code's own: it follows the ground of the terminal that it runs in."""
SUBSTITUTES = (("⏵⏵", "»»"), ("⎿", "└"))
"""The usual fonts for pictures lack the signs for the mode and for a result."""


def scene(theme: str, columns: int, rows: int) -> Path:
    """The file with what is kept."""
    return FOLDER / f"claude-{theme}-{columns}x{rows}.raw"


async def record(theme: str, columns: int, rows: int, home: Path) -> bytes:
    """The output of Claude Code until its last answer is on the screen."""
    project = home / "importer"
    project.mkdir()
    (project / "importer.py").write_text(IMPORTER)
    (project / "test_importer.py").write_text(TEST)
    trusted = {str(project.resolve()): {"hasTrustDialogAccepted": True}}
    (home / ".claude.json").write_text(
        json.dumps({"hasCompletedOnboarding": True, "projects": trusted, "theme": theme})
    )
    app = web.Application()
    app.router.add_post("/v1/messages", Script(project).messages)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    environment = child_env(
        {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "USER": "someone",
            "HOME": str(home),
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{runner.addresses[0][1]}",
            "ANTHROPIC_AUTH_TOKEN": "token",
            "ANTHROPIC_MODEL": MODEL,
            "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "131072",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
            "CLAUDE_CODE_NO_FLICKER": "0",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
        }
    )
    written = bytearray()
    ended = asyncio.Event()
    process: PtyProcess | None = None

    def send(data: bytes) -> None:
        if process is not None:
            process.write(data)

    emulator = Emulator(rows, columns, send=send, report=lambda event: None)

    def received(data: bytes) -> None:
        written.extend(data)
        emulator.feed(data)

    argv = [str(CLAUDE), "--permission-mode", "acceptEdits", "--allowedTools", "Bash"]
    process = PtyProcess.spawn(
        argv, environment, str(project), rows, columns,
        on_data=received, on_exit=lambda status: ended.set(),
    )  # fmt: skip
    try:
        await asyncio.sleep(3)
        process.write(PROMPT.encode())
        await asyncio.sleep(0.5)
        process.write(b"\r")
        async with asyncio.timeout(60):
            while UNTIL not in _screen(written, columns, rows):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.05)
        return bytes(written)
    finally:
        await process.aclose()
        await runner.cleanup()


def _screen(written: bytearray, columns: int, rows: int) -> str:
    board = Board(width=columns, height=rows)
    board.host.attach(MemoryConnection())
    board.feed_host_data(bytes(written))
    page = board.display.page
    return "\n".join(page.get_line_text(row) for row in range(rows))


async def main() -> None:
    """Record it at every size."""
    FOLDER.mkdir(exist_ok=True)
    for theme, (columns, rows) in itertools.product(THEMES, SIZES):
        with tempfile.TemporaryDirectory(prefix="scene-") as home:
            made = await record(theme, columns, rows, Path(home).resolve())
        for sign, other in SUBSTITUTES:
            made = made.replace(sign.encode(), other.encode())
        scene(theme, columns, rows).write_bytes(made)
        print(f"{theme}, {columns}×{rows}: {len(made)} bytes")


if __name__ == "__main__":
    asyncio.run(main())
