"""`anyclaude-tui chat`: a small line client, for where Claude Code is not installed.

It talks to the proxy as Claude Code does, so the dashboard's numbers are real. Text only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import httpx
import msgspec

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
                shown = f"\x1b[2m{text}\x1b[22m" if kind == "thinking" else text
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
    thinking = False
    for line in response.iter_lines():
        if not line.startswith("data:"):
            continue
        event = msgspec.json.decode(line[5:])
        if event["type"] == "error":
            yield "error", f"\nerror: {event['error']['message']}"
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            if delta["type"] == "thinking_delta":
                thinking = True
                yield "thinking", delta["thinking"]
            elif delta["type"] == "text_delta":
                yield "text", ("\n\n" if thinking else "") + delta["text"]
                thinking = False


def _message(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["error"]["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return body.decode(errors="replace")[:500]
