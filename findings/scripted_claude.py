"""Claude Code before a scripted Messages server, for the scripts beside it."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

Body = dict[str, Any]
Reply = Callable[[int], bytes]
"""From the request's number to a stream."""


def event(kind: str, **rest: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **rest})}\n\n".encode()


def reply(*blocks: Any, stop: str, usage: dict[str, int] | None = None) -> Reply:
    """A stream of text (a string) and calls (name and input), and how it stops."""
    counts = usage or {"input_tokens": 9, "output_tokens": 5}

    def stream(n: int) -> bytes:
        message = {
            "id": f"msg_{n:04}",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": counts,
        }
        out = event("message_start", message=message)
        for i, block in enumerate(blocks):
            if isinstance(block, str):
                start: Body = {"type": "text", "text": ""}
                delta = {"type": "text_delta", "text": block}
            else:
                name, given = block
                start = {"type": "tool_use", "id": f"toolu_{n:04}_{i}", "name": name, "input": {}}
                delta = {"type": "input_json_delta", "partial_json": json.dumps(given)}
            out += event("content_block_start", index=i, content_block=start)
            out += event("content_block_delta", index=i, delta=delta)
            out += event("content_block_stop", index=i)
        end = {"stop_reason": stop, "stop_sequence": None}
        out += event("message_delta", delta=end, usage={"output_tokens": counts["output_tokens"]})
        return out + event("message_stop")

    return stream


DONE = reply("done", stop="end_turn")


def ask(replies: list[Reply], *args: str, model: str = "local-model") -> tuple[list[Body], str]:
    """`claude -p hi`: the main conversation's requests, and stdout. After the last reply: DONE."""
    bodies: list[Body] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            main = body.get("tools") and "x-claude-code-agent-id" not in self.headers
            stream = DONE
            if main:
                stream = replies[len(bodies)] if len(bodies) < len(replies) else DONE
                bodies.append(body)
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            self.wfile.write(stream(len(bodies)))

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("home", "work"):
        Path(name).mkdir(exist_ok=True)
    done = subprocess.run(
        [os.path.realpath("node_modules/.bin/claude"), "-p", "hi", *args],
        cwd="work",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.path.realpath("home"),
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}",
            "ANTHROPIC_AUTH_TOKEN": "none",
            "ANTHROPIC_MODEL": model,
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
        },
        check=False,
    )
    server.shutdown()
    return bodies, done.stdout


def blocks(bodies: list[Body], kind: str) -> list[Body]:
    """All blocks of a kind in the history that the last request has."""
    contents = [m["content"] for m in bodies[-1]["messages"] if isinstance(m["content"], list)]
    return [block for content in contents for block in content if block["type"] == kind]
