"""Recorded ways in which models and servers write replies: a file each in `assets/cases`.

A case has `upstream` (the backend's answer, or several for one request after the other),
`expect` (what the client must get), `source` (where it was reported), and perhaps `backend`
("anthropic": a native one) and `request` (members of the client's request).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.validator import Message

FOLDER = Path(__file__).parent.parent / "assets" / "cases"
STRING = {"type": "string"}
NUMBER = {"type": "number"}


def _tool(name: str, required: list[str], **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": required}
    return {"name": name, "input_schema": {**schema, "additionalProperties": False}}


TODO = {
    "type": "object",
    "properties": {"content": STRING, "status": STRING, "activeForm": STRING},
    "required": ["content", "status", "activeForm"],
}
TOOLS = [
    _tool("Bash", ["command"], command=STRING, description=STRING, timeout=NUMBER),
    _tool("Read", ["file_path"], file_path=STRING, offset=NUMBER, limit=NUMBER),
    _tool("Write", ["file_path", "content"], file_path=STRING, content=STRING),
    _tool("TodoWrite", ["todos"], todos={"type": "array", "items": TODO}),
    _tool("mcp__db__query", ["sql"], sql=STRING, params={"type": "array", "items": STRING}),
]


def load() -> list[dict[str, Any]]:
    """All cases, in the order of their names."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]


def request(case: Mapping[str, Any]) -> dict[str, Any]:
    """The client's request."""
    body: dict[str, Any] = {
        "model": "claude-test",
        "max_tokens": 2000,
        "stream": True,
        "messages": [{"role": "user", "content": "go"}],
        "tools": TOOLS,
    }
    more: dict[str, Any] = case.get("request", {})
    return body | more


def _sse(payload: Any) -> bytes:
    return f"data: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()


def _chunk(delta: Any, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _sse({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]})


def stream(script: list[Mapping[str, Any]]) -> Iterator[bytes]:
    """The events of a script, one by one."""
    for step in script:
        if "event" in step:
            yield f"event: {step['event']['type']}\n".encode() + _sse(step["event"])
        elif "chunk" in step:
            yield _sse(step["chunk"])
        elif "delta" in step:
            yield _chunk(step["delta"], step.get("finish"))
        elif "finish" in step:
            yield _chunk({}, step["finish"])
        elif "usage" in step:
            yield _sse({"id": "c", "choices": [], "usage": step["usage"]})
        elif "done" in step:
            yield b"data: [DONE]\n\n"
        size = step.get("pieces_of", 5)
        for field in ("content", "reasoning_content"):
            words = step.get(field, "")
            for at in range(0, len(words), size):
                yield _chunk({field: words[at : at + size]})


def faults(expect: Mapping[str, Any], message: Message, raw: str) -> list[str]:
    """In what the client's message falls short of what a case expects of a stream."""
    text = "".join(block["text"] for block in message.blocks if block["type"] == "text")
    calls = [[name, arguments] for name, arguments in message.calls]
    checks: dict[str, Callable[[Any], bool]] = {
        "calls": lambda want: calls == want,
        "text": lambda want: text.strip() == want.strip(),
        "text_has": lambda want: want in text,
        "text_end": lambda want: text.rstrip().endswith(want),
        "not_text": lambda want: not any(one in text for one in want),
        "thinking": lambda want: message.thinking.strip() == want.strip(),
        "kinds": lambda want: message.kinds == want,
        "stop": lambda want: message.stop_reason == want,
        "not_stop": lambda want: message.stop_reason not in want,
        "raw": lambda want: all(one in raw for one in want),
        "seen_anywhere": lambda want: want in raw,
        "error_has": lambda want: want in raw,
        "error_lacks": lambda want: want not in raw.split("Failed to parse")[0],
        "not_empty": lambda want: bool(message.blocks) is want,
        "up_has": lambda want: True,  # the request's, judged by the player
    }
    return [f"{key}: {want!r}" for key, want in expect.items() if not checks[key](want)]
