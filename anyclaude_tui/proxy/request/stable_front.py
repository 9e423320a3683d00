"""The text that is the same in every conversation of a folder, moved before the text that is not:
the same words in another order, so that a server's prompt cache serves a new conversation too.

Pure. Claude Code sends, behind the user's first words, a system message of 9 KB with the
environment, the agents and the skills, and git's status before that (`docs/prompt-cache.md`,
"What two conversations share", Claude Code 2.1.332). A prompt without these anchors is
left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from anyclaude_tui.backends.dialect import StableFront
from anyclaude_tui.proxy.request.content_blocks import reminder
from anyclaude_tui.proxy.wire.safe_json import join_texts

ANCHORS = ("# Environment\n", "Available agent types", "The following skills are available")
"""One of these makes a late system message the one that is meant."""
OPENER, CLOSER = "<system-reminder>", "</system-reminder>"
GIT_STATUS = "# gitStatus"
_FOLDER = re.compile(r"(?m)^[ -]*(?:Primary w|W)orking directory: *(\S.*?) *$")
_SECTION = re.compile(r"(?m)^(?=# |gitStatus:)")
_DATE = "Today's date is"


def arranged(system: str, messages: Any, how: StableFront) -> tuple[str, Sequence[Any] | Any]:
    """The system text and the messages in the stable order; as they are where there is nothing
    to move, and where they are no conversation (the translation says what is wrong)."""
    if how == "off" or not recognised(messages):
        return system, messages
    first, late = messages[0], messages[1]
    late_text = _text(late["content"])
    moved = []
    if how == "full":
        folder = folder_of(late_text) or folder_of(system)
        system, own = _without_folder(system, folder)
        late_text = _folder_last(late_text, folder)
        moved = [_block(reminder(own))] if own else []
    blocks = _blocks(first["content"])
    end = len(_reminders(blocks))
    reminders = sorted(blocks[:end], key=lambda block: GIT_STATUS in block["text"])
    content = [_block(reminder(late_text)), *moved, *reminders, *blocks[end:]]
    return system, [{**first, "content": content}, *messages[2:]]


def recognised(messages: Any) -> bool:
    """True if these messages begin as Claude Code's do: the user's, then a late system message with
    one of the anchors."""
    if not isinstance(messages, list) or len(messages) < 2:
        return False
    first, late = messages[0], messages[1]
    if not (isinstance(first, Mapping) and isinstance(late, Mapping)):
        return False
    if first.get("role") != "user" or late.get("role") != "system":
        return False
    if not all(isinstance(block, Mapping) for block in _blocks(first.get("content"))):
        return False
    text = _text(late.get("content"))
    return any(anchor in text for anchor in ANCHORS)


def has_anchors(messages: Any) -> bool:
    """True if an anchor is where it is looked for: in a late system message, which is moved, or in
    the reminders before the user's words. There Claude Code itself puts them under the names of
    some of Anthropic's models (`claude-sonnet-4-5`, 2.1.329), and nothing need be moved."""
    if recognised(messages):
        return True
    if not isinstance(messages, list) or not messages or not isinstance(messages[0], Mapping):
        return False
    reminders = _reminders(_blocks(messages[0].get("content")))
    return any(anchor in block["text"] for block in reminders for anchor in ANCHORS)


def front_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request with nothing of the user's in it but the reminders: what another conversation
    of the same folder begins with. `messages` is empty where it is not recognised."""
    messages = body.get("messages")
    kept: list[Any] = []
    if isinstance(messages, list) and recognised(messages):
        reminders = _reminders(_blocks(messages[0]["content"]))
        kept = [{**messages[0], "content": [*reminders, _block(".")]}, messages[1]]
    elif isinstance(messages, list) and messages and isinstance(messages[0], Mapping):
        reminders = _reminders(_blocks(messages[0].get("content")))
        if messages[0].get("role") == "user" and reminders:
            kept = [{**messages[0], "content": [*reminders, _block(".")]}]
    return {**body, "messages": kept}


def folder_of(text: str) -> str:
    """The working directory that a prompt names; "" where it names none."""
    found = _FOLDER.search(text)
    return found[1] if found else ""


def folder_of_body(body: Mapping[str, Any]) -> str:
    """The working directory of a request."""
    messages = body.get("messages")
    texts = [_text(body.get("system"))]
    if isinstance(messages, list):
        texts += [_text(m.get("content")) for m in messages[:2] if isinstance(m, Mapping)]
    return next(filter(None, map(folder_of, texts)), "")


def _without_folder(system: str, folder: str) -> tuple[str, str]:
    """The system text without the sections that name the folder or git's status; and these."""
    if not folder:
        return system, ""
    names = (folder, re.sub(r"[^A-Za-z0-9]", "-", folder))
    stays: list[str] = []
    goes: list[str] = []
    for section in _SECTION.split(system):
        named = section.startswith("gitStatus:") or any(name in section for name in names)
        (goes if named and (stays or goes) else stays).append(section)
    return "".join(stays).rstrip("\n") if goes else system, "".join(goes).strip("\n")


def _folder_last(text: str, folder: str) -> str:
    """The paragraphs that name the folder or the date behind those that do not."""
    parts = text.split("\n\n")
    return "\n\n".join(sorted(parts, key=lambda p: bool(folder and folder in p) or _DATE in p))


def _reminders(blocks: list[Any]) -> list[Any]:
    """The reminders that a message begins with."""
    found = []
    for block in blocks:
        text = block.get("text") if isinstance(block, Mapping) else None
        if not isinstance(text, str) or block.get("type") != "text":
            break
        text = text.strip()
        if not (text.startswith(OPENER) and text.endswith(CLOSER)):
            break
        found.append(block)
    return found


def _blocks(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [_block(content)]
    return content if isinstance(content, list) else []


def _block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _text(content: Any) -> str:
    texts = (block.get("text") for block in _blocks(content) if isinstance(block, Mapping))
    return join_texts([text for text in texts if isinstance(text, str)])
