"""The conversation: Anthropic messages → chat completions messages.

Pure. What strict servers and templates ask for (`docs/protocol/messages.md`, "OpenAI side"): the
results of an assistant's calls stand right behind it, in the order of the calls; each
call has exactly one; images from a result follow in a user message. Neighbours of the
same role are one message, as in the Messages API itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from anyclaude_tui.backends.templates.call_forms import FinishedCall, push_assistant
from anyclaude_tui.proxy.errors import invalid
from anyclaude_tui.proxy.request.content_blocks import (
    Context,
    Part,
    blocks_of,
    content_parts,
    parts_of,
    reminder,
    required_text,
    tagged,
    text_of,
)
from anyclaude_tui.proxy.request.history import How, Mark, Translated
from anyclaude_tui.proxy.wire.safe_json import canonical_json, join_texts
from anyclaude_tui.proxy.wire.wanted_back import WantedBack

Block = Mapping[str, Any]

NO_RESULT = "[No result: the call was not completed]"
NO_OUTPUT = "[The tool returned nothing]"
NO_CONTENT = "(no content)"
"""Claude Code's own words for an empty message."""
_ROLES = ("user", "assistant", "system")


@dataclass(slots=True)
class _Turn:
    """The assistant's blocks, and those before it spoke again. Blocks carry their path."""

    said: list[tuple[str, Block]] = field(default_factory=list)
    after: list[tuple[str, str, Block]] = field(default_factory=list)
    """(role, path, block)"""


@dataclass(slots=True)
class _Call:
    """A tool call with the id that it has upstream, and its result."""

    id: str
    upstream_id: str
    name: str
    arguments: str
    wanted: WantedBack | None = None
    """The members that the server that the request is for wants back with it."""
    result: tuple[str, Block] | None = None


def conversation(system: str, messages: Any, context: Context) -> list[dict[str, Any]]:
    """The upstream messages, `system` first. Raises ApiError for what is no conversation.

    Turns that were translated before are taken from `context.memory.history`.
    """
    if not isinstance(messages, list):
        raise invalid("messages: Field required")
    made, instead = _begin(system, messages, context)
    noted, context.notices = context.notices, dict.fromkeys(_noted(made))
    out, first = made.out, max(0, len(made.out) - 1)
    done = made.marks[-1].messages if made.marks else 0
    for turn, end in _turns(messages, done):
        context.asked.clear()
        _translate(turn, out, context)
        made.calls += map(context.memory.state, context.asked)
        if end < len(messages):
            last = _copy(out[-1]) if out else None
            notices = tuple(context.notices)
            made.marks.append(Mark(end, len(out), last, notices, len(made.calls)))
    context.notices = noted | context.notices
    for message in out[first:]:
        if message["role"] == "user":
            message["content"] = _user_content(message["content"])
    context.memory.history.keep(made, instead)
    return out.copy()


def _begin(
    system: str, messages: list[Any], context: Context
) -> tuple[Translated, Translated | None]:
    """The conversation as far as it was translated before, and the one that this is from."""
    how = How(system, context.dialect, context.server, context.loaded)
    history = context.memory.history
    found = history.find(how, messages)
    if found is not None:
        known, turns = found
        mark = known.marks[turns - 1]
        calls = known.calls[: mark.calls]
        if context.memory.unchanged(calls):
            out = known.out[: mark.out]
            if mark.last is not None:
                out[-1] = _copy(mark.last)
            return Translated(how, messages, out, known.marks[:turns], calls), known
    made = Translated(how, messages)
    if system:
        made.out.append({"role": "system", "content": system})
    return made, None


def _noted(made: Translated) -> tuple[str, ...]:
    return made.marks[-1].notices if made.marks else ()


def _copy(message: dict[str, Any]) -> dict[str, Any]:
    """The message so that nothing that is appended to one shows in the other."""
    content = message["content"]
    return {**message, "content": content.copy() if isinstance(content, list) else content}


def _translate(turn: _Turn, out: list[dict[str, Any]], context: Context) -> None:
    """Append what a turn becomes; the last message of `out` may grow by it."""
    said, thinking, calls = _assistant(turn.said, context)
    rest = _match(calls, turn.after)
    finished: list[FinishedCall] = []
    images: list[Part] = []
    for call in calls:
        text, shown = _result(call, context)
        extra = call.wanted.extra if call.wanted else {}
        finished.append(FinishedCall(call.upstream_id, call.name, call.arguments, text, extra))
        images += shown
    thinking, details = _as_it_came(thinking, calls)
    push_assistant(out, said, thinking, finished, context.dialect, details)
    _push_user(out, images)
    for role, where, block in rest:
        if role == "system":
            _push_system(out, text_of(parts_of(block, where, context)), context)
        else:
            parts = _user_parts(block, where, context)
            if context.dialect.user_after_results == "folded":
                parts = _fold_user(out, parts)
            _push_user(out, parts)
    if turn.after and (not out or out[-1]["role"] == "assistant"):
        _push_user(out, [NO_CONTENT])  # two assistant messages in a row are refused


def append_instruction(messages: list[dict[str, Any]], text: str) -> None:
    """Put a line of ours at the end, where it does not disturb the prompt's front."""
    last = messages[-1]
    if last["role"] == "tool":
        _fold(last, reminder(text))
    elif last["role"] != "user":
        messages.append({"role": "user", "content": text})
    elif isinstance(last["content"], str):
        last["content"] = join_texts([last["content"], text])
    else:
        last["content"] = [*last["content"], {"type": "text", "text": text}]


def _turns(messages: list[Any], start: int) -> Iterator[tuple[_Turn, int]]:
    """The turns from a message on, and the number of messages up to the end of each."""
    if not messages:
        raise invalid("messages: at least one message is required")
    turn = _Turn()
    for number in range(start, len(messages)):
        message, where = messages[number], f"messages.{number}"
        if not isinstance(message, Mapping):
            raise invalid(f"{where}: Input should be an object")
        role = message.get("role")
        if role not in _ROLES:
            raise invalid(f"{where}.role: Input should be 'user', 'assistant' or 'system'")
        content = message.get("content")
        if content is None:
            raise invalid(f"{where}.content: Field required")
        path = f"{where}.content"
        for position, block in enumerate(blocks_of(content, path)):
            if role != "assistant":
                # An instruction of the system's inside of a user message keeps its authority.
                by = "system" if block["type"] == "mid_conv_system" else role
                turn.after.append((by, f"{path}.{position}", block))
                continue
            if turn.after:
                yield turn, number
                turn = _Turn()
            turn.said.append((f"{path}.{position}", block))
    yield turn, len(messages)


def _assistant(said: list[tuple[str, Block]], context: Context) -> tuple[str, str, list[_Call]]:
    """The parts of what the assistant said: its text, its thinking, its calls."""
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[_Call] = []
    for where, block in said:
        if block["type"] == "tool_use":
            calls.append(_call(block, where, calls, context))
        elif block["type"] == "thinking":
            thoughts.append(required_text(block, "thinking", where))
        else:
            texts += [p for p in parts_of(block, where, context) if isinstance(p, str)]
    return join_texts(texts), join_texts(thoughts), calls


def _as_it_came(thinking: str, calls: list[_Call]) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """The thinking of a turn with calls as its server sent it, where that is known: its text,
    and its details. The client may send it in other pieces, or not at all."""
    kept = [call.wanted for call in calls if call.wanted is not None]
    if not kept or any(replace(one, extra={}) != replace(kept[0], extra={}) for one in kept):
        return thinking, ()  # not known, or of several replies
    return kept[0].reasoning or thinking, kept[0].details


def _call(block: Block, where: str, before: list[_Call], context: Context) -> _Call:
    call_id = required_text(block, "id", where)
    name = required_text(block, "name", where)
    given = block.get("input")
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise invalid(f"{where}.tool_use.input: Input should be a valid dictionary")
    context.asked.append(call_id)
    written = context.memory.recall(call_id, given)
    name, arguments = written or (name, canonical_json(given))
    upstream_id, number = call_id, 1
    while any(call.upstream_id == upstream_id for call in before):
        number += 1
        upstream_id = f"{call_id}_{number}"
    wanted = context.memory.wanted_back(call_id, context.server)
    return _Call(call_id, upstream_id, name, arguments, wanted)


def _match(calls: list[_Call], after: list[tuple[str, str, Block]]) -> list[tuple[str, str, Block]]:
    """Give each call its result; what is no result of these calls is returned, in order."""
    rest: list[tuple[str, str, Block]] = []
    for role, where, block in after:
        if role == "user" and block["type"] == "tool_result":
            wanted = required_text(block, "tool_use_id", where)
            call = next((c for c in calls if c.id == wanted and c.result is None), None)
            if call is not None:
                call.result = (where, block)
                continue
        rest.append((role, where, block))
    return rest


def _result(call: _Call, context: Context) -> tuple[str, list[Part]]:
    """The text of a tool message, and the images that follow it in a user message."""
    if call.result is None:
        context.note("a tool call without a result got a placeholder")
        return NO_RESULT, []
    where, block = call.result
    text, images = _result_parts(block, where, context)
    if not images:
        return text or NO_OUTPUT, []
    note = f"[{len(images)} image(s) of this result follow below]"
    return join_texts([text, note]), [f"Images from the result of {call.name}:", *images]


def _result_parts(block: Block, where: str, context: Context) -> tuple[str, list[Part]]:
    parts = content_parts(block.get("content"), f"{where}.tool_result.content", context)
    text = text_of(parts)
    if block.get("is_error") is True:
        text = f"Error: {text}" if text else "Error: the tool failed and said nothing"
    return text, [part for part in parts if not isinstance(part, str)]


def _user_parts(block: Block, where: str, context: Context) -> list[Part]:
    if block["type"] != "tool_result":
        return parts_of(block, where, context)
    context.note("a tool result without its call is sent as text")
    text, images = _result_parts(block, where, context)
    return [f"[Result of the tool call {block['tool_use_id']}]\n{text or NO_OUTPUT}", *images]


def _push_system(out: list[dict[str, Any]], text: str, context: Context) -> None:
    """A system message: the first as such, a later one in the form that the dialect tells."""
    if not text:
        return
    if out and out[-1]["role"] == "system":
        _fold(out[-1], text)
    elif not out or context.dialect.late_system == "system":
        out.append({"role": "system", "content": text})
    elif out[-1]["role"] == "tool":
        _fold(out[-1], reminder(text))
    else:
        _push_user(out, [reminder(text)])


def _fold(message: dict[str, Any], text: str) -> None:
    """Append a text to a message whose content is one."""
    message["content"] = join_texts([message["content"], text])


def _fold_user(out: list[dict[str, Any]], parts: list[Part]) -> list[Part]:
    """Put the user's text into the tool result before it; what is left needs a message."""
    if not out or out[-1]["role"] != "tool":
        return parts
    for part in parts:
        if isinstance(part, str):
            marked = part.lstrip().startswith("<system-reminder>")
            _fold(out[-1], part if marked else tagged("user-message", [], part))
    return [part for part in parts if not isinstance(part, str)]


def _push_user(out: list[dict[str, Any]], parts: list[Part]) -> None:
    if not parts:
        return
    if out and out[-1]["role"] == "user":
        out[-1]["content"] += parts
    else:
        out.append({"role": "user", "content": list(parts)})


def _user_content(parts: list[Part]) -> str | list[dict[str, Any]]:
    """One stable form: a text where there is only text, else a list of parts."""
    if all(isinstance(part, str) for part in parts):
        return text_of(parts)
    content: list[dict[str, Any]] = []
    texts: list[Part] = []
    for part in [*parts, None]:
        if isinstance(part, str):
            texts.append(part)
            continue
        if texts:
            content.append({"type": "text", "text": text_of(texts)})
            texts = []
        if part is not None:
            content.append(part)
    return content
