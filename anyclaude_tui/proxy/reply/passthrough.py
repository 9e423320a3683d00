"""A native server's own Messages stream, passed through under the same promise.

Pure. The events keep their content and order; what changes: the message and call ids are
ours (a reused id makes Claude Code drop the call), a tool call is held until it is whole,
block indexes stay contiguous, and the ending is judged as for every other backend
(vllm-mlx streams `end_turn` for a truncation, others forget `message_stop`).
Same interface as `stream.StreamTranslator`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from anyclaude_tui.proxy.reply.content_filters import Content
from anyclaude_tui.proxy.reply.endings import (
    Ending,
    Seen,
    decide,
    limit_words,
    truncation_of,
)
from anyclaude_tui.proxy.reply.error_answers import from_payload, is_no_reply
from anyclaude_tui.proxy.reply.native_parts import (
    BLOCK_OF,
    EMPTY,
    FINISH,
    MESSAGE_MEMBERS,
    TEXT_FIELDS,
    NativeUsage,
    OpenCalls,
    as_object,
    gather,
)
from anyclaude_tui.proxy.reply.translator import Translator, new_call_id
from anyclaude_tui.proxy.toolcalls.assembler import CallTooLarge, PendingCall
from anyclaude_tui.proxy.toolcalls.from_reasoning import last_calls
from anyclaude_tui.proxy.toolcalls.gate import CallMemory, lost_words
from anyclaude_tui.proxy.toolcalls.validation import Call, Toolbox
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
        memory: CallMemory | None = None,
        gather: bool = False,
        request_id: str | None = None,
        call_id: Callable[[], str] = new_call_id,
        resumes: bool = False,
    ) -> None:
        super().__init__(message_id, model, prompt_tokens, request_id, resumes=resumes)
        self.started = False
        self._toolbox = Toolbox(tools or {})
        self._memory = memory
        self._gather = gather
        self._call_id = call_id
        self._out: list[bytes] = []
        self._blocks: list[dict[str, Any]] = []
        self._index = -1
        self._open: dict[str, Any] | None = None
        """The block that is being received, if it is no tool call."""
        self._calls = OpenCalls()
        self._content = Content(self._toolbox, ())
        """Sorts the open text block's text."""
        self._thoughts: deque[str] = deque(maxlen=MAX_THOUGHTS)
        self._blank = ""
        self._more: dict[str, Any] = {}
        """What `message_delta` says besides its ending and its usage."""
        self._signed = False
        self._sent_start = False
        """The open block's start has gone to the client."""
        self._lost_calls = 0
        self._stop: dict[str, Any] = {}
        """`delta` of the last message_delta with a stop reason."""
        self._reported = NativeUsage()

    # --- what the exchange asks ---------------------------------------------------------------

    def start(self) -> bytes:
        """`message_start`; b"" if it has been produced already."""
        if self.started:
            return b""
        self.started = True
        usage = self.facts.usage(self._prompt_tokens) | {"output_tokens": 0}
        return anthropic_events.message_start(self._id, self._model, usage)

    @property
    def shown(self) -> bool:
        """See Translator."""
        return self._index >= 0

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
        return self._taken()

    def _judged(self, cause: Truncation | None, reason: str) -> Ending:
        cut = truncation_of(self.facts.finish_reason, cause)
        self._end_open(cut=cut is not None)
        for call in self._calls.take_all():
            # Its end was forgotten: what is perfect may go, if the reply came to its end.
            self._give_call(call, broken_off=True, cut=cut is not None)
        if cut is None and not self.facts.tool_calls and not self.facts.text_started:
            for found in last_calls("".join(self._thoughts), self._toolbox):
                self.facts.rescued_calls += 1
                self._give(found)
        if cut is Truncation.MAX_TOKENS and not self.shown:
            self._show(limit_words(bool(self.facts.dropped_calls)))
        ending = decide(
            Seen(
                finish=self.facts.finish_reason,
                shown=self.shown,
                calls=self.facts.tool_calls,
                lost_calls=self._lost_calls,
                unwanted_calls=0 if self._toolbox.names else self.facts.dropped_calls,
                stop_sequence=self._stop_sequence,
                refused=False,
                cause=cause,
                reason=reason,
            )
        )
        original = self._stop.get("stop_reason")
        told = ending.outcome is Outcome.COMPLETE and original not in (None, "tool_use")
        if told and not (self.facts.tool_calls and original == "end_turn"):
            ending = replace(ending, stop_reason=original)  # pause_turn, refusal, …
        return ending

    def _closed(self) -> bytes:
        self._end_open()
        return self._taken()

    @property
    def _message_members(self) -> Mapping[str, Any]:
        return self._more

    def _empty_delta(self) -> bytes:
        field = TEXT_FIELDS.get(f"{self._open.get('type')}_delta") if self._open else None
        if field is None or not self._sent_start:
            return b""
        return anthropic_events.delta(self._index, f"{field}_delta", field, "")

    @property
    def _stop_sequence(self) -> str | None:
        return self._stop.get("stop_sequence")

    @property
    def _gathered(self) -> list[dict[str, Any]]:
        return self._blocks

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
            self._delta(as_object(payload.get("delta")), payload.get("index"))
        elif kind == "content_block_start":
            self._begin(as_object(payload.get("content_block")), payload.get("index"))
        elif kind == "content_block_stop":
            self._end_block(payload.get("index"))
        elif kind == "message_start":
            # Its output tokens are those of the first word: no number of the reply's.
            said = as_object(as_object(payload.get("message")).get("usage"))
            self._reported.note({**said, "output_tokens": None}, self.facts)
        elif kind == "message_delta":
            self._reported.note(payload.get("usage"), self.facts)
            self._note_stop(as_object(payload.get("delta")))
            self._more |= {key: value for key, value in payload.items() if key in MESSAGE_MEMBERS}
        elif kind == "message_stop":
            self.finished = True
        elif kind == "message":
            self._whole(payload)
        elif kind == "error" or (isinstance(payload, dict) and "error" in payload):
            self._error = from_payload(payload)
            self.finished = True
        elif kind is None and is_no_reply(payload):
            self._error, self._final = from_payload(payload), True
            self.finished = True

    def _whole(self, message: Mapping[str, Any]) -> None:
        """A server that does not stream sent all of it at once: as if it had come in events."""
        content = message.get("content")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        self._reported.note(message.get("usage"), self.facts)
        for number, block in enumerate(content if isinstance(content, list) else ()):
            block = as_object(block)
            self._begin(block, number)
            if block.get("type") == "thinking" and block.get("signature"):
                self._delta({"type": "signature_delta", "signature": block["signature"]})
            self._end_block(number)
        self._note_stop(message)
        self.finished = True

    def _note_stop(self, said: Mapping[str, Any]) -> None:
        reason, sequence = said.get("stop_reason"), said.get("stop_sequence")
        if isinstance(reason, str) and reason:
            met = sequence if isinstance(sequence, str) else None
            self._stop = {"stop_reason": reason, "stop_sequence": met}
            self.facts.finish_reason = FINISH.get(reason, "stop")

    def _begin(self, block: Mapping[str, Any], index: Any = None) -> None:
        kind = block.get("type")
        if not isinstance(kind, str):
            self._give_up("the backend sent a content block without a type")
            return
        self._end_open()  # a server that forgets content_block_stop
        if kind == "tool_use":
            self._calls.begin(block, index)
            self.facts.in_call = True
            return
        self._open = dict(block) | EMPTY.get(kind, {})
        self._signed = self._sent_start = False
        self._blank = ""
        if kind == "text":
            self._content = Content(self._toolbox, ())
            self._content.calls.reasoned = bool(self._thoughts)
        if kind not in EMPTY:
            self._send_start(dict(block))
            self._sent_start = True
        elif block.get(kind):
            self._delta({"type": f"{kind}_delta", kind: block[kind]})

    def _delta(self, delta: Mapping[str, Any], index: Any = None) -> None:
        kind = delta.get("type")
        if kind == "input_json_delta" and self._calls:
            self.facts.deltas += 1
            self._calls.add(str(delta.get("partial_json") or ""), index)
            return
        if self._open is None:
            if self._calls:
                return  # only its input is part of a call
            self._give_up("the backend sent a delta outside of a content block")
            return
        if not isinstance(kind, str):
            return
        if kind == "input_json_delta":
            self.facts.deltas += 1
            if self._open.get("type") not in EMPTY:
                self._send_delta(delta)  # a server tool of the service's own
            return
        field = TEXT_FIELDS.get(kind)
        words = delta.get(field) if field is not None else None
        if (field is not None and not isinstance(words, str)) or not self._fits(kind):
            return
        if words and (self.facts.deltas or not words.isspace()):
            # A signature, a citation or white space ahead of everything is no token.
            self.facts.deltas += 1
            self.facts.thinking_deltas += kind == "thinking_delta"
        if kind == "text_delta":
            self._put(self._content.feed(str(words)))
            return
        if kind == "thinking_delta":
            self._thoughts.append(str(words))
        if kind == "signature_delta":
            if not delta.get("signature"):
                return  # llama.cpp sends an empty one; ours is put in its place
            self._signed = True
        self._send_delta(delta)

    def _fits(self, kind: str) -> bool:
        """Whether the delta belongs into the open block; a server that mixes text and thinking
        gets a new block for it."""
        assert self._open is not None
        is_type, wants = self._open.get("type"), BLOCK_OF.get(kind, "")
        if wants and is_type in EMPTY and wants != is_type:
            if kind == "signature_delta":
                return False
            self._begin({"type": wants})
        return True

    def _put(self, pieces: Sequence[Piece]) -> None:
        """What the text of a block was sorted into: text, thinking, calls written as text."""
        for kind, piece in pieces:
            if kind == "text":
                self._show(piece)
            elif kind == "thinking":
                self._show(piece, "thinking")
                self._thoughts.append(piece)
            elif kind == "lost":
                self._lost_calls += 1
                if piece.text:
                    self._show(lost_words(piece.name, piece.text))
            else:
                self.facts.rescued_calls += 1
                self._give(piece)
        self.facts.in_call = bool(self._calls) or self._content.calls.in_call

    def _show(self, text: str, kind: str = "text") -> None:
        """Text or thinking for the client, in a block of its kind."""
        if self._open is None or self._open.get("type") != kind:
            self._close_block()
            self._open = {"type": kind} | EMPTY[kind]
            self._signed = self._sent_start = False
        if not self._sent_start:
            text, self._blank = self._blank + text, ""
            if text.isspace():
                self._blank = text  # a block of white space would be dropped from the history
                return
        self.facts.text_started = self.facts.text_started or kind == "text"
        self._send_delta({"type": f"{kind}_delta", TEXT_FIELDS[f"{kind}_delta"]: text})

    def _end_block(self, index: Any) -> None:
        call = self._calls.end(index, any_index=self._open is None)
        if call is None:
            self._end_open()
            return
        self.facts.in_call = bool(self._calls)
        self._give_call(call)

    def _give_call(self, call: PendingCall, *, broken_off: bool = False, cut: bool = False) -> None:
        """A call has ended: check it, and give it or count it as lost."""
        for text in call.arguments:
            checked = self._toolbox.check(call.name, text, repair=not broken_off)
            fit = checked is not None and checked.known and (checked.valid or not broken_off)
            if checked is not None and fit and not (broken_off and (cut or not text.strip())):
                self._give(checked)
                continue
            self.facts.dropped_calls += 1
            if cut or not self._toolbox.names:
                continue
            self._lost_calls += 1
            self._end_open()
            self._show(lost_words(call.name, text, checked).strip())
            self._end_open()

    def _give(self, call: Call) -> None:
        self._close_block()
        call_id = self._call_id()
        self.facts.tool_calls += 1
        self.facts.repaired_calls += call.repaired
        if self._memory is not None:
            self._memory.remember(call_id, call.name, call.raw)
        self._send_start({"type": "tool_use", "id": call_id, "name": call.name, "input": {}})
        self._out.append(
            anthropic_events.delta(self._index, "input_json_delta", "partial_json", call.arguments)
        )
        self._out.append(anthropic_events.block_stop(self._index))
        if self._gather:
            self._blocks[-1]["input"] = call.value

    # --- what the client gets -------------------------------------------------------------------

    def _send_start(self, block: dict[str, Any]) -> None:
        self._out.append(self.start())
        self._index += 1
        self._out.append(anthropic_events.block_start(self._index, block))
        if self._gather:
            self._blocks.append(dict(block))

    def _send_delta(self, delta: Mapping[str, Any]) -> None:
        """A delta of the open block, after its start: no block is begun for nothing."""
        if not self._sent_start and self._open is not None:
            self._send_start(dict(self._open))
            self._sent_start = True
        event = {"type": "content_block_delta", "index": self._index, "delta": delta}
        self._out.append(anthropic_events.event(event))
        if self._gather:
            gather(self._blocks[-1], delta)

    def _end_open(self, *, cut: bool = False) -> None:
        """Close the open block; what its text held back goes first."""
        if self._open is not None and self._open.get("type") == "text":
            content, self._content = self._content, Content(self._toolbox, ())
            self._put(content.end(cut=cut))
            self.facts.dropped_calls += content.calls.dropped_calls
        self._close_block()
        self._blank = ""

    def _close_block(self) -> None:
        block, self._open = self._open, None
        if block is None or not self._sent_start:
            return
        if block.get("type") == "thinking" and not self._signed:
            signature = anthropic_events.signature(self._id, self._index)
            self._send_delta({"type": "signature_delta", "signature": signature})
        self._out.append(anthropic_events.block_stop(self._index))
        self._sent_start = False

    def _taken(self) -> bytes:
        data = b"".join(self._out)
        self._out.clear()
        return data

    def _usage(self) -> dict[str, int]:
        return self._reported.told(self.facts, self._prompt_tokens)
