"""A native server's own Messages stream, passed through under the same promise.

Pure. What comes goes on byte for byte, known or not, interleaved or not; what changes is named in
docs/protocol/messages.md, "Native servers": the message's id is ours, and so is a call's that may
have been used before (a reused one makes Claude Code drop the call); a tool call is held until it
is whole, one written as text is made a call; a block of white space is left out; the ending is
judged as for every other backend (vllm-mlx streams `end_turn` for a truncation, others forget
`message_stop`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from anyclaude_tui.proxy.reply.content_filters import Content
from anyclaude_tui.proxy.reply.endings import (
    WINDOW_FULL,
    Ending,
    Seen,
    decide,
    limit_words,
    truncation_of,
)
from anyclaude_tui.proxy.reply.error_answers import from_payload, is_no_reply
from anyclaude_tui.proxy.reply.native_calls import NativeCalls
from anyclaude_tui.proxy.reply.native_message import NativeMessage, framed
from anyclaude_tui.proxy.reply.native_parts import (
    BEGINS,
    BLOCK_OF,
    EMPTY,
    TEXT_FIELDS,
    OpenBlock,
    as_object,
)
from anyclaude_tui.proxy.reply.native_writer import NativeWriter
from anyclaude_tui.proxy.reply.translator import Translator, new_call_id
from anyclaude_tui.proxy.toolcalls.assembler import CallTooLarge
from anyclaude_tui.proxy.toolcalls.emitter import CallMemory, lost_words
from anyclaude_tui.proxy.toolcalls.from_reasoning import last_calls
from anyclaude_tui.proxy.toolcalls.validation import Toolbox
from anyclaude_tui.proxy.toolcalls.waiting import Piece
from anyclaude_tui.proxy.wire import anthropic_events
from anyclaude_tui.proxy.wire.sse import Comment, Event
from anyclaude_tui.telemetry.events import Outcome, Truncation

MAX_THOUGHTS = 16_384
"""So many pieces of the reasoning are kept, for a call at its end."""


class NativeTranslator(Translator):
    """One reply of a server that speaks the Messages API."""

    def __init__(
        self,
        *,
        message_id: str,
        model: str,
        prompt_tokens: int,
        tools: Mapping[str, Mapping[str, Any]] | None = None,
        unlisted: Callable[[str], bool] = lambda name: False,
        memory: CallMemory | None = None,
        server: str = "",
        is_used: Callable[[str], bool] = lambda call_id: False,
        single_call: bool = False,
        gather: bool = False,
        request_id: str | None = None,
        call_id: Callable[[], str] = new_call_id,
        resumes: bool = False,
        compacts: bool = False,
    ) -> None:
        """`server`: whose thinking it is, for what it sends unsigned. `is_used`: whether the
        conversation has a call with this id already."""
        super().__init__(
            message_id, model, prompt_tokens, request_id, resumes=resumes, compacts=compacts
        )
        self.started = False
        self._toolbox = Toolbox(tools or {}, unlisted)
        tag = anthropic_events.server_tag(server)
        self._writer = NativeWriter(
            self.start,
            lambda place: anthropic_events.signature(message_id, place, tag),
            gather=gather,
        )
        self._open: dict[Any, OpenBlock] = {}
        """The blocks that are being received, by the backend's index."""
        self._begun: set[Any] = set()
        self._calls = NativeCalls(
            self._toolbox, self._writer, self.facts, memory, call_id, is_used, single=single_call
        )
        self._thoughts: deque[str] = deque(maxlen=MAX_THOUGHTS)
        self._said = NativeMessage()

    # --- what the exchange asks ---------------------------------------------------------------

    def start(self) -> bytes:
        """`message_start`; b"" if it has been produced already."""
        if self.started:
            return b""
        self.started = True
        return self._said.start(self._id, self._model, self.facts, self._prompt_tokens)

    @property
    def shown(self) -> bool:
        """See Translator."""
        return self._writer.shown

    def feed(self, events: Sequence[Event | Comment]) -> bytes:
        """The events for the client, joined. Never raises for what comes in."""
        for event in events:
            if self.finished:
                break
            if isinstance(event, Comment):
                self.facts.note_comment(event.text)
            elif event.data.strip():
                try:
                    self._take(event.data)
                except CallTooLarge as error:
                    self._give_up(f"the backend sent {error}")
        return self._writer.take()

    def message(self) -> dict[str, Any]:
        """See Translator."""
        reason = self._ending.stop_reason if self._ending else None
        members = self._said.members(reason, self._stop_sequence if reason else None)
        ours = anthropic_events.message(self._id, self._model, self._usage(), self._gathered)
        return {
            **members,
            **ours,
            **{key: members[key] for key in ("stop_reason", "stop_sequence")},
        }

    def _judged(self, cause: Truncation | None, reason: str) -> Ending:
        cut = truncation_of(self.facts.finish_reason, cause)
        for block in list(self._open.values()):
            self._end(block, cut=cut is not None)
        for call in self._calls.take_all():
            # Its end was forgotten: what is perfect may go, if the reply came to its end.
            self._calls.give(call, broken_off=True, cut=cut is not None)
        if cut is None and not self.facts.tool_calls and not self.facts.text_started:
            for found in last_calls("".join(self._thoughts), self._toolbox):
                self._calls.rescue(found)
        if cut is Truncation.MAX_TOKENS and not self.shown:
            self._writer.say(limit_words(bool(self.facts.dropped_calls)))
        ending = decide(
            Seen(
                finish=self.facts.finish_reason,
                shown=self.shown,
                calls=self.facts.tool_calls,
                lost_calls=self._calls.lost,
                unwanted_calls=0 if self._toolbox.names else self.facts.dropped_calls,
                stop_sequence=self._stop_sequence,
                refused=False,
                cause=cause,
                reason=reason,
            )
        )
        original = self._said.stop_reason
        told = ending.outcome is Outcome.COMPLETE and original not in (None, "tool_use")
        told = told or (original == WINDOW_FULL and ending.outcome is Outcome.LIMIT)
        if told and not (self.facts.tool_calls and original == "end_turn"):
            ending = replace(ending, stop_reason=original)  # pause_turn, refusal, …
        return ending

    def _closed(self) -> bytes:
        for block in list(self._open.values()):
            self._end(block)
        return self._writer.take()

    def _goodbye(self, stop_reason: str | None) -> bytes:
        sequence, facts = self._stop_sequence, self.facts
        last = self._said.goodbye(stop_reason, sequence, facts, self._prompt_tokens)
        return self._writer.take_early() + last

    def _empty_delta(self) -> bytes:
        for block in reversed(self._open.values()):
            field = TEXT_FIELDS.get(f"{block.kind}_delta")
            if field is not None and block.sent:
                return anthropic_events.delta(block.place, f"{field}_delta", field, "")
        return b""

    @property
    def _stop_sequence(self) -> str | None:
        return self._said.stop_sequence

    @property
    def _gathered(self) -> list[dict[str, Any]]:
        return self._writer.blocks

    def _usage(self) -> dict[str, Any]:
        return self._said.usage(self.facts, self._prompt_tokens)

    # --- one event ----------------------------------------------------------------------------

    def _take(self, data: bytes) -> None:
        self.facts.chunks += 1
        try:
            payload = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._give_up(f"the backend sent an event that is not JSON ({error})")
            return
        kind = payload.get("type") if isinstance(payload, dict) else None
        if kind == "content_block_delta":
            self._delta(as_object(payload.get("delta")), payload, data)
        elif kind == "content_block_start":
            self._begin(as_object(payload.get("content_block")), payload, data)
        elif kind == "content_block_stop":
            self._end_block(payload, data)
        elif kind == "message_start":
            self._said.started(payload, self.facts)
        elif kind == "message_delta":
            self._said.changed(payload, data, self.facts)
        elif kind == "message_stop":
            self._said.stopped(data)
            self.finished = True
        elif kind == "message":
            self._whole(payload)
        elif kind == "error" or (isinstance(payload, dict) and "error" in payload):
            self._error = from_payload(payload)
            self.finished = True
        elif kind is None and is_no_reply(payload):
            self._error, self._final = from_payload(payload), True
            self.finished = True
        elif isinstance(kind, str) and kind != "ping":
            self._pass(kind, payload, data)

    def _whole(self, message: Mapping[str, Any]) -> None:
        """A server that does not stream sent all of it at once: as if it had come in events."""
        content = message.get("content")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        self._said.whole(message, self.facts)
        for number, block in enumerate(content if isinstance(content, list) else ()):
            self._begin(as_object(block), {"index": number}, b"")
            self._end_block({"index": number}, b"")
        self.finished = True

    def _pass(self, kind: str, payload: Mapping[str, Any], data: bytes) -> None:
        """An event that we do not know; about a block it gets the client's index of it."""
        block = self._open.get(_index(payload))
        if block is not None and not block.sent:
            self._writer.start(block)
        if block is not None and payload.get("index") != block.place:
            event = anthropic_events.event({**payload, "index": block.place})
        else:
            event = framed(kind, data)
        self._writer.unknown(event)

    def _begin(self, block: Mapping[str, Any], event: Mapping[str, Any], data: bytes) -> None:
        kind, index = block.get("type"), _index(event)
        if not isinstance(kind, str):
            self._give_up("the backend sent a content block without a type")
            return
        if index in self._open:
            self._end(self._open[index])  # its end was forgotten
        self._begun.add(index)
        if kind == "tool_use":
            self._calls.begin(block, index)
            self.facts.in_call = True
            return
        made = self._open[index] = OpenBlock(block, event, data)
        if kind not in EMPTY:
            self._writer.start(made)
            return
        if kind == "text":
            made.content = self._new_content()
        elif isinstance(block.get("signature"), str):
            made.signature = block["signature"]
        if block.get(kind):
            self._delta({"type": f"{kind}_delta", kind: block[kind]}, {"index": index}, b"")

    def _new_content(self) -> Content:
        content = Content(self._toolbox, ())
        content.calls.reasoned = bool(self._thoughts)
        return content

    def _delta(self, delta: Mapping[str, Any], event: Mapping[str, Any], data: bytes) -> None:
        kind, index = delta.get("type"), _index(event)
        block = self._open.get(index)
        if kind == "input_json_delta" and self._calls and (block is None or block.kind in EMPTY):
            self.facts.deltas += 1
            self._calls.add(str(delta.get("partial_json") or ""), index)
            return
        if kind == "input_json_delta" and not self._calls and index not in self._begun:
            self._calls.begin({}, index)  # its start was forgotten: nobody knows its name
            self._calls.add(str(delta.get("partial_json") or ""), index)
            self.facts.deltas += 1
            return
        if block is None and self._open and not self._calls.has(index):
            block = list(self._open.values())[-1]
        if not isinstance(kind, str):
            return
        if block is None and not self._calls and kind in BEGINS:
            self._begin({"type": BEGINS[kind]}, {"index": index}, b"")  # it was forgotten
            block = self._open.get(index)
        if block is None:
            return  # of a call only its input is part
        if kind == "input_json_delta":
            self.facts.deltas += 1
            if block.kind not in EMPTY:
                block.json.append(str(delta.get("partial_json") or ""))
                self._writer.delta(block, delta, event, data)  # a server tool of the service's own
            return
        field = TEXT_FIELDS.get(kind)
        words = delta.get(field) if field is not None else None
        if (field is not None and not isinstance(words, str)) or not self._fits(block, kind):
            return
        if words and (self.facts.deltas or not words.isspace()):
            # A signature, a citation or white space ahead of everything is no token.
            self.facts.deltas += 1
            self.facts.thinking_deltas += kind == "thinking_delta"
        if kind == "text_delta" and block.content is not None:
            pieces = block.content.feed(str(words))
            begins = block.sent or not (block.blank or str(words).isspace())
            if not (begins and block.kind == "text" and pieces == [("text", words)]):
                self._put(block, pieces)
                return
            self.facts.text_started = True
        elif kind == "thinking_delta":
            self._thoughts.append(str(words))
        elif kind == "signature_delta":
            if not delta.get("signature"):
                return  # llama.cpp sends an empty one; ours is put in its place
            block.signed = True
        self._writer.delta(block, delta, event, data)

    def _fits(self, block: OpenBlock, kind: str) -> bool:
        """True if the delta belongs into the block; a server that mixes text and thinking in one
        gets a new block for it."""
        wants = BLOCK_OF.get(kind, "")
        if not wants or block.kind not in EMPTY or wants == block.kind:
            return True
        if kind == "signature_delta":
            return False
        if wants == "text" and block.content is not None:
            return True  # behind thinking between tags, which the text itself has brought
        self._flush(block)
        self._writer.close(block)
        block.turn_into(wants)
        block.content = self._new_content() if wants == "text" else None
        return True

    def _put(self, block: OpenBlock, pieces: Sequence[Piece]) -> None:
        """Write the pieces that a block's text was sorted into: text, thinking, calls in text."""
        for kind, piece in pieces:
            if kind == "text":
                self._show(block, piece)
            elif kind == "thinking":
                self._show(block, piece, "thinking")
                self._thoughts.append(piece)
            elif kind == "lost":
                self._calls.lost += 1
                if piece.text:
                    self._show(block, lost_words(piece.name, piece.text))
            else:
                self._writer.close(block)
                self._calls.rescue(piece)
        self._note_calls()

    def _note_calls(self) -> None:
        contents = (block.content for block in self._open.values())
        written = any(content is not None and content.calls.in_call for content in contents)
        self.facts.in_call = bool(self._calls) or written

    def _show(self, block: OpenBlock, text: str, kind: str = "text") -> None:
        """Text or thinking for the client, in a block of its kind."""
        if block.kind != kind:
            self._writer.close(block)
            block.turn_into(kind)
        if not block.sent:
            text, block.blank = block.blank + text, ""
            if text.isspace():
                block.blank = text  # a block of white space would be dropped from the history
                return
        self.facts.text_started = self.facts.text_started or kind == "text"
        self._writer.delta(block, {"type": f"{kind}_delta", TEXT_FIELDS[f"{kind}_delta"]: text})

    def _end_block(self, event: Mapping[str, Any], data: bytes) -> None:
        index = _index(event)
        call = None if index in self._open else self._calls.end(index, any_index=not self._open)
        if call is not None:
            self._note_calls()
            self._calls.give(call)
            return
        block = self._open.get(index)
        if block is None and self._open and index not in self._begun:
            block = list(self._open.values())[-1]
        if block is not None:
            self._end(block, event=event, data=data)

    def _end(
        self,
        block: OpenBlock,
        *,
        cut: bool = False,
        event: Mapping[str, Any] | None = None,
        data: bytes = b"",
    ) -> None:
        """The block is over; what its text held back goes first."""
        self._flush(block, cut=cut)
        self._writer.close(block, event, data)
        self._open = {key: one for key, one in self._open.items() if one is not block}
        self._note_calls()

    def _flush(self, block: OpenBlock, *, cut: bool = False) -> None:
        content, block.content = block.content, None
        if content is not None:
            self._put(block, content.end(cut=cut))
            self.facts.dropped_calls += content.calls.dropped_calls


def _index(event: Mapping[str, Any]) -> int | None:
    """The backend's index of a block; None where it says none."""
    index = event.get("index")
    return index if isinstance(index, int) else None
