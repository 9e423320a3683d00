"""Streams of the Messages API, one for each kind of thing that it has: what a native server says.

Written from the types of anthropic 2.14 (`types/beta`), as scripts of a fake: no recording. Each is
a list of events; ids are of the service's form, so that they may stay.
"""

from __future__ import annotations

import json
from typing import Any

Event = dict[str, Any]

USAGE = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 7,
    "cache_read_input_tokens": 2048,
    "cache_creation": {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 1,
    "service_tier": "standard",
    "inference_geo": "not_available",
}


def start(**members: Any) -> Event:
    """`message_start`."""
    message = {
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": "claude-of-the-service",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": USAGE,
        **members,
    }
    return {"type": "message_start", "message": message}


def block(index: int, kind: str, *deltas: Event, **members: Any) -> list[Event]:
    """A whole block."""
    return [opened(index, kind, **members), *(delta(index, one) for one in deltas), closed(index)]


def opened(index: int, kind: str, **members: Any) -> Event:
    """`content_block_start`."""
    empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}.get(kind, {})
    content = {"type": kind, **empty, **members}
    return {"type": "content_block_start", "index": index, "content_block": content}


def delta(index: int, what: Event) -> Event:
    """`content_block_delta`."""
    return {"type": "content_block_delta", "index": index, "delta": what}


def closed(index: int) -> Event:
    """`content_block_stop`."""
    return {"type": "content_block_stop", "index": index}


def text(words: str) -> Event:
    """A delta of text."""
    return {"type": "text_delta", "text": words}


def thought(words: str) -> Event:
    """A delta of thinking."""
    return {"type": "thinking_delta", "thinking": words}


def signed(signature: str) -> Event:
    """A signature."""
    return {"type": "signature_delta", "signature": signature}


def json_of(*pieces: str) -> list[Event]:
    """Deltas of a call's input."""
    return [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


def ending(reason: str = "end_turn", usage: Any = None, **members: Any) -> list[Event]:
    """`message_delta` and `message_stop`; `members` are of the delta."""
    counts = {**USAGE, "output_tokens": 40, **(usage or {})}
    del counts["cache_creation"], counts["service_tier"], counts["inference_geo"]
    said = {"stop_reason": reason, "stop_sequence": None, **members}
    last = {"type": "message_delta", "delta": said, "usage": counts}
    return [last, {"type": "message_stop"}]


SEARCH = {
    "id": "srvtoolu_01WYG3ziw53XMcoyKL4XcZmE",
    "name": "web_search",
    "input": {},
    "caller": {"type": "direct"},
}
FOUND = {
    "type": "web_search_result",
    "url": "https://example.org/a",
    "title": "A <b>page</b>",
    "encrypted_content": "EqgfCioIARgB",
    "page_age": None,
}
CITED = {
    "type": "web_search_result_location",
    "url": "https://example.org/a",
    "title": "A page",
    "encrypted_index": "Eo8BCioIAhgB",
    "cited_text": "It is so.",
}
RUN = "srvtoolu_01ABCDEFGHIJKLMNOPQRSTUV"
CONTAINER = {"id": "container_011CPR5CNjB747bTd36fQLFk", "expires_at": "2026-12-01T00:00:00Z"}
READ = {"id": "toolu_01T1x1fJ34qAmk2tNTrN7Up6", "name": "Read", "input": {}}
LIST = {"id": "toolu_01A09q90qw90lq917835lq9A", "name": "Read", "input": {}}
EDITS = [{"type": "clear_tool_uses_20250919", "cleared_tool_uses": 2, "cleared_input_tokens": 900}]

STREAMS: dict[str, list[Event]] = {
    "text": [
        start(),
        {"type": "ping"},
        *block(0, "text", text("Grüße "), text("🌍\n"), citations=None),
        *ending(),
    ],
    "thinking with its signature": [
        start(),
        *block(0, "thinking", thought("Let me "), thought("see."), signed("EqQBCgIYAhIM")),
        *block(1, "text", text("Seen.")),
        *ending(usage={"output_tokens_details": {"thinking_tokens": 11}}),
    ],
    "thinking that is withheld": [
        start(),
        *block(0, "thinking", signed("EqQBCgIYAhIM")),
        *block(1, "redacted_thinking", data="EmwKAhgBEgy3va3pzix/"),
        *block(2, "text", text("Seen.")),
        *ending(),
    ],
    "two calls": [
        start(),
        *block(0, "text", text("I read.")),
        *block(1, "tool_use", *json_of("", '{"file_', 'path": "/a"}'), **READ),
        *block(2, "tool_use", *json_of('{"file_path": "/b", "limit": 5}'), **LIST),
        *ending("tool_use"),
    ],
    "a call by a program": [
        start(container=CONTAINER),
        *block(
            0,
            "server_tool_use",
            *json_of('{"code": "re', 'ad()"}'),
            id=RUN,
            name="code_execution",
            input={},
        ),
        *block(
            1,
            "tool_use",
            *json_of('{"file_path": "/a"}'),
            **READ,
            caller={"type": "code_execution_20250825", "tool_id": RUN},
        ),
        *ending("tool_use", container=CONTAINER),
    ],
    "a tool of the API's own": [
        start(),
        *block(0, "tool_use", *json_of('{"command": "ls"}'), **{**READ, "name": "bash"}),
        *ending("tool_use"),
    ],
    "citations": [
        start(),
        *block(
            0,
            "text",
            text("It is "),
            {"type": "citations_delta", "citation": CITED},
            text("so."),
            {"type": "citations_delta", "citation": CITED},
            citations=[],
        ),
        *ending(),
    ],
    "a search at the service": [
        start(),
        *block(0, "server_tool_use", *json_of("", '{"query"', ': "llama"}'), **SEARCH),
        *block(1, "web_search_tool_result", tool_use_id=SEARCH["id"], content=[FOUND]),
        *block(2, "text", text("It is so."), {"type": "citations_delta", "citation": CITED}),
        *ending(usage={"server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0}}),
    ],
    "a program that ran at the service": [
        start(),
        *block(
            0,
            "server_tool_use",
            *json_of('{"command": "ls"}'),
            id=RUN,
            name="bash_code_execution",
            input={},
        ),
        *block(
            1,
            "bash_code_execution_tool_result",
            tool_use_id=RUN,
            content={
                "type": "bash_code_execution_result",
                "stdout": "a\n",
                "stderr": "",
                "return_code": 0,
                "content": [],
            },
        ),
        *block(2, "container_upload", file_id="file_011CNha8iCJcU1wXNR6q4V8w"),
        *ending("end_turn", container=CONTAINER),
    ],
    "an MCP server's tool": [
        start(),
        *block(
            0,
            "mcp_tool_use",
            id="mcptoolu_014Q35RayjACSWkSj4X2yov1",
            name="echo",
            server_name="example",
            input={"words": "hello"},
        ),
        *block(
            1,
            "mcp_tool_result",
            tool_use_id="mcptoolu_014Q35RayjACSWkSj4X2yov1",
            is_error=False,
            content=[{"type": "text", "text": "hello", "citations": None}],
        ),
        *ending(),
    ],
    "a refusal": [
        start(),
        *block(0, "text", text("I can")),
        *ending(
            "refusal",
            stop_details={"type": "refusal", "category": "general_harms", "explanation": "No."},
        ),
    ],
    "a pause": [
        start(),
        *block(0, "server_tool_use", *json_of('{"query": "llama"}'), **SEARCH),
        *ending("pause_turn"),
    ],
    "a stop sequence": [
        start(),
        *block(0, "text", text("One, two")),
        *ending("stop_sequence", stop_sequence="three"),
    ],
    "the limit": [start(), *block(0, "text", text("One, two")), *ending("max_tokens")],
    "a full window": [
        start(),
        *block(0, "text", text("One, two")),
        *ending("model_context_window_exceeded"),
    ],
    "a compaction": [
        start(),
        *block(
            0,
            "compaction",
            {"type": "compaction_delta", "content": "So far: …", "encrypted_content": "Eq0B"},
            content=None,
        ),
        *block(1, "text", text("On we go.")),
        ending(usage={"iterations": [{"type": "compaction", "input_tokens": 9}]})[0]
        | {"context_management": {"applied_edits": EDITS}},
        {"type": "message_stop"},
    ],
    "another model took over": [
        start(),
        *block(0, "text", text("I be")),
        *block(
            1,
            "fallback",
            **{"from": {"model": "claude-a"}, "to": {"model": "claude-b"}},
        ),
        *block(2, "text", text("I begin again.")),
        *ending(),
    ],
    "blocks that interleave": [
        start(),
        opened(0, "thinking"),
        delta(0, thought("Let me ")),
        opened(1, "text"),
        delta(1, text("I ")),
        delta(0, thought("see.")),
        delta(1, text("read.")),
        delta(0, signed("EqQBCgIYAhIM")),
        closed(0),
        closed(1),
        *ending(),
    ],
    "a call inside of a text": [
        start(),
        opened(0, "text"),
        delta(0, text("I read ")),
        *block(1, "tool_use", *json_of('{"file_path": "/a"}'), **READ),
        delta(0, text("it.")),
        closed(0),
        *ending("tool_use"),
    ],
    "calls that interleave": [
        start(),
        opened(0, "tool_use", **READ),
        opened(1, "tool_use", **LIST),
        *(delta(at, one) for at in (0, 1) for one in json_of('{"file_')),
        *(delta(at, one) for at in (1, 0) for one in json_of('path": "/a"}')),
        closed(0),
        closed(1),
        *ending("tool_use"),
    ],
    "what nobody knows yet": [
        {**start(of_next_year={"a": [1, 2.50, None]}), "seq": 1},
        {"type": "progress", "at": 1.0, "words": "thinking"},
        {**opened(0, "text", hint="x"), "seq": 2},
        {"type": "content_block_note", "index": 0, "note": "n"},
        {**delta(0, {**text("Hello"), "logprob": -0.5}), "seq": 3},
        {**closed(0), "seq": 4},
        *block(1, "picture", {"type": "picture_delta", "data": "AAAA"}, data=""),
        ending(usage={"of_next_year": {"tokens": 1}}, why="because")[0] | {"seq": 5},
        {"type": "message_stop", "metrics": {"latency_ms": 7}},
    ],
    "a word about the usage on the way": [
        start(),
        *block(0, "text", text("Hello")),
        {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 3}},
        *ending(),
    ],
}
"""Name → events."""


def sse(events: list[Event]) -> list[bytes]:
    """The events as the service writes them: compact, but for what JSON leaves free."""
    return [
        b"event: %b\ndata: %b\n\n"
        % (one["type"].encode(), json.dumps(one, ensure_ascii=False).encode())
        for one in events
    ]
