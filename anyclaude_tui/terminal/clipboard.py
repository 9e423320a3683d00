"""Text to the system's clipboard by the system's own command.

OSC 52 alone is not enough: Apple's Terminal ignores it, and others ask or refuse. Over
ssh it is the other way round, so the pane does both.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import Mapping, Sequence

TIMEOUT_S = 2.0
_NEEDED = frozenset(
    {"DISPLAY", "HOME", "LANG", "PATH", "TMPDIR", "USER", "WAYLAND_DISPLAY", "XAUTHORITY"}
    | {"XDG_RUNTIME_DIR"}
)
"""The part of the environment that such a command gets: it needs no key of the user's."""


def copy_command(env: Mapping[str, str] = os.environ) -> Sequence[str] | None:
    """The command that takes text on stdin, or None where there is none to reach."""
    candidates: list[tuple[str, ...]] = []
    if sys.platform == "darwin":
        candidates.append(("pbcopy",))
    if env.get("WAYLAND_DISPLAY"):
        candidates.append(("wl-copy",))
    if env.get("DISPLAY"):
        candidates.append(("xclip", "-selection", "clipboard"))
        candidates.append(("xsel", "--clipboard", "--input"))
    for command in candidates:
        if path := shutil.which(command[0], path=env.get("PATH")):
            return (path, *command[1:])
    return None


async def copy_to_system(text: str, env: Mapping[str, str] = os.environ) -> bool:
    """Give `text` to the system's clipboard; whether a command took it."""
    command = copy_command(env)
    if command is None:
        return False
    # pbcopy takes its input for Mac Roman where no locale is set (ssh, launchd).
    utf8 = {"LC_ALL": "en_US.UTF-8"} if sys.platform == "darwin" else {}
    needed = {name: value for name, value in env.items() if name in _NEEDED}
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={**needed, **utf8},
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(text.encode()), TIMEOUT_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return process.returncode == 0
