"""`anyclaude-tui chat`: a small line client, for where Claude Code is not installed.

It talks to the proxy as Claude Code does, so the dashboard's numbers are real. Text only.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator

import httpx
import msgspec

from anyclaude_tui.cli.word_wrap import WordWrap
from anyclaude_tui.proxy.wire.sse import Comment, SSEReader

HELP = (
    "Type a message and press Enter. Ctrl+C stops an answer, /new starts over, /quit (or Ctrl+D) "
    "leaves."
)
STYLES = {"title": "1", "help": "2", "prompt": "1;36", "thinking": "2", "error": "31"}
"""SGR parameters (ECMA-48, 8.3.117) of what is not the model's text."""


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
    columns = shutil.get_terminal_size().columns
    head = WordWrap()
    words = head.feed(HELP, columns) + head.end(columns)
    print(f"{_styled('title', 'anyclaude-tui chat')} · {model}\n{_styled('help', words)}\n")
    history: list[dict[str, str]] = []
    headers = {"Authorization": f"Bearer {token}", "anthropic-version": "2023-06-01"}
    with httpx.Client(base_url=url, headers=headers, timeout=None, trust_env=False) as client:
        while True:
            try:
                line = input(_prompt()).strip()
            except EOFError:
                print()
                return 0
            except KeyboardInterrupt:
                print(f"\n{_styled('help', 'Ctrl+D or /quit leaves.')}")
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
    wrap, width = WordWrap(), shutil.get_terminal_size().columns
    print()
    try:
        with client.stream("POST", "/v1/messages", json=body) as response:
            before = ""
            for kind, text in _pieces(response):
                if kind == "thinking" != before and not _has_styles():
                    text = f"(thinking) {text}"
                before = kind
                shown = wrap.feed(_without_controls(text), width)
                print(_styled(kind, shown), end="", flush=True)
                if kind == "text":
                    said.append(text)
        print(wrap.end(width), end="", flush=True)
    except KeyboardInterrupt:
        print(f"{wrap.end(width)}\n{_styled('help', '(stopped)')}")
    except httpx.HTTPError as error:
        print("\n" + _styled("error", f"the proxy did not answer: {error}"))
    print("\n")
    if said:
        history[:] = [*messages, {"role": "assistant", "content": "".join(said)}]


def _styled(kind: str, words: str) -> str:
    """The words in the style of their kind, on a terminal that may have colours."""
    style = STYLES.get(kind)
    if not style or not words or not _has_styles():
        return words
    return f"\x1b[{style}m{words}\x1b[0m"


def _has_styles() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _prompt() -> str:
    """For `input`: readline counts what stands between \\x01 and \\x02 as no cells."""
    styled = _styled("prompt", "›")
    if styled == "›":
        return "› "
    start, end = styled.split("›")
    return f"\x01{start}\x02›\x01{end}\x02 "


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
    """The model's text without control characters, which could command the terminal."""
    kept = (c for c in text if c in "\n\t" or not (c < " " or "\x7f" <= c <= "\x9f"))
    return "".join(kept)


def _message(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["error"]["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return body.decode(errors="replace")[:500]
