"""A session that a benchmark drives, of whichever tree of ours stands in its path.

    python first_token_child.py HOME CONFIG     then lines on stdin: switch NAME, kill, quit

It answers each line, and its start, with one line of JSON. Only what the session has had for
long is used: an older commit runs under it too.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from anyclaude_tui import config
from anyclaude_tui.session.session import Session


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def active(session: Session) -> Any:
    return session.switchboard.statuses()[0]


def serves_anew(session: Session, pid: int) -> bool:
    now = active(session)
    return now.pid not in (pid, None) and str(now.state) == "ready"


async def killed(session: Session) -> float:
    """Kill the server with SIGKILL; the seconds until another one serves."""
    pid, began = active(session).pid, time.monotonic()
    os.kill(pid, signal.SIGKILL)
    while not serves_anew(session, pid):  # noqa: ASYNC110 (nobody would set an event)
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def main() -> None:
    home, name = Path(sys.argv[1]), sys.argv[2]
    os.environ["ANYCLAUDE_HOME"] = str(home)
    session = Session(config.load(os.environ), home=home, backend=name)
    await session.start()
    await session.ready()
    say(url=session.url, token=session.token)
    while line := (await asyncio.to_thread(sys.stdin.readline)).split():
        match line:
            case ["switch", to]:
                await session.switch(to)
                say(done=line)
            case ["kill"]:
                say(seconds=await killed(session))
            case _:
                break
    await session.stop()
    say(stopped=True)


if __name__ == "__main__":
    asyncio.run(main())
