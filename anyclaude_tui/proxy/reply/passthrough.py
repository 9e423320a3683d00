"""A native server's own Messages stream, passed through under the same promise.

Pure. The events keep their content and order; what changes: the message and call ids are
ours (a reused id makes Claude Code drop the call), a tool call is held until it is whole,
block indexes stay contiguous, and the ending is judged as for every other backend
(vllm-mlx streams `end_turn` for a truncation, others forget `message_stop`).
Same interface as `stream.StreamTranslator`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from anyclaude_tui.proxy.reply.endings import Ending, Seen, decide
from anyclaude_tui.proxy.reply.error_answers import from_payload, is_no_reply
from anyclaude_tui.proxy.reply.translator import Translator, new_call_id
from anyclaude_tui.proxy.toolcalls.gate import CallMemory
from anyclaude_tui.proxy.toolcalls.validation import Toolbox
from anyclaude_tui.proxy.wire import anthropic_events
from anyclaude_tui.proxy.wire.sse import Comment, Event
from anyclaude_tui.telemetry.events import Outcome, Truncation

MAX_CALL_BYTES = 4 * 1024 * 1024
"""A longer tool call is not held: it ends the reply as malformed."""

_FINISH = {"max_tokens": "length", "tool_use": "tool_calls", "refusal": "refusal"}
"""Anthropic's stop reasons in the words of `endings.py`; all others count as `stop`."""
_EMPTY = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}
"""Text and thinking begin so; what a server puts there at once is their first delta."""
_BLOCK_OF = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking"}
_TEXT_FIELDS = {"text_delta": "text", "thinking_delta": "thinking"}


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
    ) -> None:
        super().__init__(message_id, model, prompt_tokens, request_id)
        self.started = False
        self._toolbox = Toolbox(tools or {})
        self._memory = memory
        self._gather = gather
        self._call_id = call_id
        self._out: list[bytes] = []
        self._blocks: list[dict[str, Any]] = []
        self._index = -1
        self._open: dict[str, Any] | None = None
        """The block that is being received; a tool call is not sent before its end."""
        self._input: list[str] = []
        self._input_bytes = 0
        self._signed = False
        self._sent_start = False
        """The open block's start has gone to the client."""
        self._lost_calls = 0
        self._stop: dict[str, Any] = {}
        """`delta` of the last message_delta with a stop reason."""
        self._said: dict[str, Any] = {}
        """The backend's usage."""

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
                self._take(event.data)
        return self._taken()

    def _judged(self, cause: Truncation | None, reason: str) -> Ending:
        self._end_open()
        ending = decide(
            Seen(
                finish=self.facts.finish_reason,
                shown=self.shown,
                calls=self.facts.tool_calls,
                lost_calls=self._lost_calls,
                unwanted_calls=0,
                stop_sequence=self._stop_sequence,
                refused=False,
                cause=cause,
                reason=reason,
            )
        )
        original = self._stop.get("stop_reason")
        if ending.outcome is Outcome.COMPLETE and original not in (None, "tool_use"):
            ending = replace(ending, stop_reason=original)  # pause_turn, refusal, …
        return ending

    def _closed(self) -> bytes:
        self._end_open()
        return self._taken()

    def _empty_delta(self) -> bytes:
        field = _TEXT_FIELDS.get(f"{self._open.get('type')}_delta") if self._open else None
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
            self._delta(_object(payload.get("delta")))
        elif kind == "content_block_start":
            self._begin(_object(payload.get("content_block")))
        elif kind == "content_block_stop":
            self._end_block()
        elif kind == "message_start":
            # Its output tokens are those of the first word: no number of the reply's.
            said = _object(_object(payload.get("message")).get("usage"))
            self._note_usage({**said, "output_tokens": None})
        elif kind == "message_delta":
            self._note_usage(payload.get("usage"))
            self._note_stop(_object(payload.get("delta")))
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
        self._note_usage(message.get("usage"))
        for block in content if isinstance(content, list) else ():
            block = _object(block)
            self._begin(block)
            if block.get("type") == "thinking" and block.get("signature"):
                self._delta({"type": "signature_delta", "signature": block["signature"]})
            self._end_block()
        self._note_stop(message)
        self.finished = True

    def _note_stop(self, said: Mapping[str, Any]) -> None:
        reason, sequence = said.get("stop_reason"), said.get("stop_sequence")
        if isinstance(reason, str) and reason:
            met = sequence if isinstance(sequence, str) else None
            self._stop = {"stop_reason": reason, "stop_sequence": met}
            self.facts.finish_reason = _FINISH.get(reason, "stop")

    def _begin(self, block: Mapping[str, Any]) -> None:
        self._end_open()  # a server that forgets content_block_stop
        kind = block.get("type")
        if not isinstance(kind, str):
            self._give_up("the backend sent a content block without a type")
            return
        self._open = dict(block) | _EMPTY.get(kind, {})
        self._input, self._input_bytes = [], 0
        self._signed = self._sent_start = False
        if kind == "tool_use":
            self.facts.in_call = True
            whole = block.get("input")  # some servers put the whole input here
            if whole:
                self._input.append(msgspec.json.encode(whole).decode())
        elif kind not in _EMPTY:
            self._send_start(dict(block))
            self._sent_start = True
        elif block.get(kind):
            self._delta({"type": f"{kind}_delta", kind: block[kind]})

    def _delta(self, delta: Mapping[str, Any]) -> None:
        if self._open is None:
            self._give_up("the backend sent a delta outside of a content block")
            return
        kind = delta.get("type")
        if not isinstance(kind, str):
            return
        if kind == "input_json_delta":
            self.facts.deltas += 1
            self._partial_input(str(delta.get("partial_json") or ""), delta)
            return
        field = _TEXT_FIELDS.get(kind)
        words = delta.get(field) if field is not None else None
        if (field is not None and not isinstance(words, str)) or not self._fits(kind):
            return
        if words:  # a signature, a citation or nothing is no token
            self.facts.deltas += 1
            self.facts.thinking_deltas += kind == "thinking_delta"
            self.facts.text_started = self.facts.text_started or kind == "text_delta"
        self._signed = self._signed or kind == "signature_delta"
        self._send_delta(delta)

    def _fits(self, kind: str) -> bool:
        """Whether the delta belongs into the open block; a server that mixes text and thinking
        gets a new block for it."""
        assert self._open is not None
        is_type, wants = self._open.get("type"), _BLOCK_OF.get(kind, "")
        if is_type == "tool_use":
            return False  # only its input is part of a call
        if wants and is_type in _EMPTY and wants != is_type:
            if kind == "signature_delta":
                return False
            self._begin({"type": wants})
        return True

    def _partial_input(self, piece: str, delta: Mapping[str, Any]) -> None:
        assert self._open is not None
        self._input_bytes += len(piece)
        if self._input_bytes > MAX_CALL_BYTES:
            self._give_up("the backend sent a tool call without end")
        elif self._open.get("type") == "tool_use":
            self._input.append(piece)
        elif self._open.get("type") not in _EMPTY:
            self._send_delta(delta)  # a server tool of the service's own

    def _end_block(self) -> None:
        block = self._open
        if block is None:
            return
        if block.get("type") == "tool_use":
            self._open = None
            self._give_call(block)
        else:
            self._end_open()

    def _give_call(self, block: Mapping[str, Any]) -> None:
        """The call is whole: check it, and give it or count it as lost."""
        self.facts.in_call = False
        call = self._toolbox.check(str(block.get("name") or ""), "".join(self._input))
        if call is None:
            self.facts.dropped_calls += 1
            self._lost_calls += 1
            return
        call_id = self._call_id()
        self.facts.tool_calls += 1
        self.facts.repaired_calls += call.repaired
        if self._memory is not None:
            self._memory.remember(call_id, call.name, call.raw)
        start = {"type": "tool_use", "id": call_id, "name": call.name, "input": {}}
        self._send_start(start)
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
            _gather(self._blocks[-1], delta)

    def _end_open(self) -> None:
        """Close the open block; an unfinished call is never given."""
        block, self._open = self._open, None
        if block is None:
            return
        if block.get("type") == "tool_use":
            self.facts.dropped_calls += 1
            self.facts.in_call = False
            return
        if not self._sent_start:
            return
        if block.get("type") == "thinking" and not self._signed:
            signature = anthropic_events.signature(self._id, self._index)
            self._send_delta({"type": "signature_delta", "signature": signature})
        self._out.append(anthropic_events.block_stop(self._index))

    def _taken(self) -> bytes:
        data = b"".join(self._out)
        self._out.clear()
        return data

    def _note_usage(self, usage: Any) -> None:
        """Usage is cumulative and the last word counts; 0 input tokens is a place-holder."""
        if not isinstance(usage, Mapping):
            return
        self._said |= {k: v for k, v in usage.items() if isinstance(v, int) and v >= 0}
        cached = self._said.get("cache_read_input_tokens")
        created = self._said.get("cache_creation_input_tokens", 0)
        fresh = self._said.get("input_tokens", 0)
        if fresh or cached or created:
            self.facts.prompt_tokens = fresh + created + (cached or 0)
            self.facts.cached_tokens = cached
        if self._said.get("output_tokens"):
            self.facts.output_tokens = self._said["output_tokens"]

    def _usage(self) -> dict[str, int]:
        """The backend's usage where it has one, else ours."""
        ours = self.facts.usage(self._prompt_tokens)
        created = self._said.get("cache_creation_input_tokens", 0)
        if created and self.facts.prompt_tokens is not None:
            ours["cache_creation_input_tokens"] = created
            ours["input_tokens"] = max(0, ours["input_tokens"] - created)
        return ours


def _object(value: Any) -> dict[str, Any]:
    """The value, if it is an object; what a server puts elsewhere is nothing."""
    return value if isinstance(value, dict) else {}


def _gather(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    """Put a delta into a whole block."""
    kind = str(delta.get("type"))
    field = _TEXT_FIELDS.get(kind)
    if field is not None:
        block[field] = block.get(field, "") + str(delta.get(field) or "")
    elif kind == "signature_delta":
        block["signature"] = delta.get("signature", "")
    elif kind == "citations_delta":
        block.setdefault("citations", []).append(delta.get("citation"))
