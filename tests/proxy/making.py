"""Short ways to write Messages requests in tests."""

from __future__ import annotations

from typing import Any

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import UpstreamRequest, translate
from tests.proxy.anthropic_requests import PIXEL

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
DATA_URL = f"data:image/png;base64,{PIXEL}"
BASH = {
    "name": "Bash",
    "description": "Runs a command",
    "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}},
}
READ = {"name": "Read", "input_schema": {}}


def request_for(
    dialect: Dialect | None = None, memory: CallMemory | None = None, **body: Any
) -> UpstreamRequest:
    body.setdefault("messages", [user("hi")])
    endpoint = Endpoint("http://127.0.0.1:1/v1", "default_model", dialect or Dialect())
    return translate(body, endpoint, memory or CallMemory())


def messages_for(*messages: Any, dialect: Dialect | None = None, **body: Any) -> list[Any]:
    made = request_for(dialect, messages=list(messages), **body).body["messages"]
    assert isinstance(made, list)
    return made


def user(*content: Any) -> dict[str, Any]:
    return said("user", content)


def assistant(*content: Any) -> dict[str, Any]:
    return said("assistant", content)


def system(*content: Any) -> dict[str, Any]:
    return said("system", content)


def said(role: str, content: Any) -> dict[str, Any]:
    if len(content) == 1 and isinstance(content[0], str):
        return {"role": role, "content": content[0]}
    blocks = [{"type": "text", "text": item} if isinstance(item, str) else item for item in content]
    return {"role": role, "content": blocks}


def call(id_: str, name: str = "Bash", **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id_, "name": name, "input": arguments}


def result(id_: str, content: Any = None, **more: Any) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": id_, **more}
    return block if content is None else {**block, "content": content}
