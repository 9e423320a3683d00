"""`anyclaude-tui chat`: a small line client, for where Claude Code is not installed.

It talks to the proxy as Claude Code does, so the dashboard's numbers are real. Text only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import httpx
import msgspec

from anyclaude_tui.proxy.wire.sse import Comment, SSEReader

HELP = "Type a message and press Enter. /new starts over, /quit (or Ctrl+D) leaves."


def run() -> int:
    """Chat on this terminal until the user leaves. Returns the exit code."""
    url = os.environ.get("ANTHROPIC_BASE_URL")
    token = os.environ.get("ANTHROPIC_AUTH_TOKEN")
    if not url or not token:
        print(
            "chat needs ANTHROPIC_BASE_URL and ANTHROPIC_AUTH_TOKEN: start `anyclaude-tui serve` "
            "and set them to the url and token that it prints.",
            file=sys.stderr,
        )
        return 2
    model = os.environ.get("ANTHROPIC_MODEL", "local-model")
    print(f"anyclaude-tui chat · {model}\n{HELP}\n")
    history: list[dict[str, str]] = []
    headers = {"Authorization": f"Bearer {token}", "anthropic-version": "2023-06-01"}
    with httpx.Client(base_url=url, headers=headers, timeout=None, trust_env=False) as client:
        while True:
            try:
                line = input("› ").strip()
            except EOFError:
                print()
                return 0
            except KeyboardInterrupt:
                print()
                continue
            if line in ("/quit", "/exit"):
                return 0
            if line == "/new":
                history.clear()
            elif line:
                _turn(client, model, history, line)


def _turn(client: httpx.Client, model: str, history: list[dict[str, str]], line: str) -> None:
    """Send one message and print the reply as it comes; Ctrl+C stops it."""
    messages = [*history, {"role": "user", "content": line}]
    body = {"model": model, "max_tokens": 4096, "stream": True, "messages": messages}
    said: list[str] = []
    try:
        with client.stream("POST", "/v1/messages", json=body) as response:
            for kind, text in _pieces(response):
                shown = _without_controls(text)
                if kind == "thinking":
                    shown = f"\x1b[2m{shown}\x1b[22m"
                print(shown, end="", flush=True)
                if kind == "text":
                    said.append(text)
    except KeyboardInterrupt:
        print("\n(stopped)")
    except httpx.HTTPError as error:
        print(f"\nthe proxy did not answer: {error}")
    print("\n")
    if said:
        history[:] = [*messages, {"role": "assistant", "content": "".join(said)}]


def _pieces(response: httpx.Response) -> Iterator[tuple[str, str]]:
    """(kind, text) of the reply: text, thinking, or error."""
    if response.status_code != 200:
        response.read()
        yield "error", f"error {response.status_code}: {_message(response.content)}"
        return
    reader, thinking = SSEReader(), False
    # Not iter_lines(): it splits at all of Unicode's line ends, in the middle of a text.
    for event in (item for data in response.iter_bytes() for item in reader.feed(data)):
        if isinstance(event, Comment):
            continue
        said = msgspec.json.decode(event.data)
        if said["type"] == "error":
            yield "error", f"\nerror: {said['error']['message']}"
        elif said["type"] == "content_block_delta":
            delta = said["delta"]
            if delta["type"] == "thinking_delta":
                thinking = True
                yield "thinking", delta["thinking"]
            elif delta["type"] == "text_delta":
                yield "text", ("\n\n" if thinking else "") + delta["text"]
                thinking = False


def _without_controls(text: str) -> str:
    """What the model writes must not command the terminal."""
    kept = (c for c in text if c in "\n\t" or not (c < " " or "\x7f" <= c <= "\x9f"))
    return "".join(kept)


def _message(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["error"]["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return body.decode(errors="replace")[:500]
