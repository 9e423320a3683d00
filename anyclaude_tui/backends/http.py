"""The control plane's HTTP: short questions to a server, and its failures in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anyclaude_tui.backends.base import BackendError
from anyclaude_tui.backends.http_client import (
    QUESTION_TIMEOUT_S,
    Answer,
    Client,
    ConnectError,
    HttpError,
    TimedOut,
)
from anyclaude_tui.backends.loading import is_loading
from anyclaude_tui.printable import printable
from anyclaude_tui.redaction import OWN, clean

PROBE_TOKENS = 8
"""The tokens asked for by a chat at the start: mlx-omni-server 0.5.3 answers 500 for one."""
_REFUSED = (400, 404, 422, 500, 501)
"""Statuses under which servers refuse a request's form, tools for one (Ollama: 400,
llama.cpp without --jinja: 500)."""
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "Bash",
        "description": "Runs a command.",
        "parameters": {
            "type": "object",
            "properties": {"command": {"type": "string", "description": "What to run."}},
            "required": ["command"],
        },
    },
}
"""The tool that a chat at the start offers, as Claude Code's requests do: some templates (Hermes 2
Pro, Command R+, functiongemma, firefunction) fail where there are no tools."""


class StillLoading(BackendError):
    """The server answers, but its model is not loaded yet: worth asking again."""


def client(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    query: str = "",
    timeout_s: float = QUESTION_TIMEOUT_S,
) -> Client:
    """A client for `url`; proxies from the environment are not used for this machine.

    `headers` and `query` go with every request, and are left out of every text from now on.
    """
    OWN.add_headers(headers or {})
    OWN.add_query(query)
    return Client(url, headers=headers, query=query, timeout_s=timeout_s)


async def get_object(http: Client, path: str) -> dict[str, Any]:
    """The JSON object that a GET answers; empty for any failure: for questions that may go
    unanswered."""
    try:
        answer = await http.get(path)
    except HttpError:
        return {}
    return object_of(answer) if answer.status_code == 200 else {}


def object_of(answer: Answer) -> dict[str, Any]:
    """The JSON object in an answer; empty where it holds none."""
    try:
        return part(whole(answer.json()))
    except (ValueError, RecursionError):
        return {}


def whole(value: Any) -> Any:
    """A JSON value whose texts can be sent on and written down: half of a surrogate pair, which an
    escape may leave, is a question mark. Raises RecursionError."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {whole(key): whole(item) for key, item in value.items()}
    return value


def part(value: Any) -> dict[str, Any]:
    """A value that should be an object; what a server puts elsewhere is nothing."""
    return value if isinstance(value, dict) else {}


def parts(value: Any) -> list[dict[str, Any]]:
    """The objects in a value that should be a list of them."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def number(value: Any) -> int | None:
    """A count that a server tells, a window or slots; None where it is none."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return value if is_count else None


async def short_chat(
    http: Client,
    path: str,
    model: str,
    *,
    timeout_s: float,
    messages: list[dict[str, Any]] | None = None,
) -> Answer:
    """The answer to a short chat with one tool, and without where a server takes no
    tools. Raises HttpError when there is none."""
    body = {
        "model": model,
        "messages": messages or [{"role": "user", "content": "hi"}],
        "max_tokens": PROBE_TOKENS,
        "stream": False,
    }
    answer = await http.post(path, {**body, "tools": [TOOL]}, timeout_s=timeout_s)
    if answer.status_code not in _REFUSED:
        return answer
    without = await http.post(path, body, timeout_s=timeout_s)
    return without if without.status_code == 200 else answer


def words(response: Answer) -> str:
    """The message of an error answer, shortened: `{"error": …}` in its many forms, or the text."""
    try:
        found: Any = whole(response.json())
    except (ValueError, RecursionError):
        found = response.text
    for key in ("error", "detail", "message"):
        if isinstance(found, dict) and key in found:
            found = found[key]
    text = found if isinstance(found, str) else str(found)
    return clean(printable(" ".join(text.split())))[:300] or f"HTTP {response.status_code}"


def refuse_loading(url: str, answer: Answer) -> None:
    """Raises StillLoading when the answer says that the model is being loaded."""
    if answer.status_code != 200 and is_loading(answer.status_code, words(answer)):
        raise StillLoading(f"{url} loads its model: {words(answer)}")


def unreachable(url: str, error: HttpError) -> BackendError:
    """A connection that failed, in words."""
    if isinstance(error, ConnectError):
        return BackendError(f"nothing answers at {url}: start the server, or correct the URL")
    if isinstance(error, TimedOut):
        return BackendError(f"{url} did not answer in time: is the server busy or hanging?")
    return BackendError(clean(f"{url}: {type(error).__name__}: {error}".rstrip(": ")))
