"""OpenAI chunks → Anthropic events: the state machine of one reply.

Pure: events in, bytes out, no clock, no socket. Text and reasoning go on at once; a tool
call is held until it is whole and checked (`assembler.py`, `validation.py`). `close()` decides
how it ended (`endings.py`). Most chunks take the fast lane in `feed`: one typed decode and
one joined delta; whatever the fast lane does not know goes through `_apply`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from anyclaude_tui.proxy.errors import ApiError
from anyclaude_tui.proxy.reply import error_answers
from anyclaude_tui.proxy.reply.content_filters import Content, special
from anyclaude_tui.proxy.reply.endings import (
    Ending,
    Seen,
    decide,
    limit_words,
    swallowed,
    true_reason,
    truncation_of,
)
from anyclaude_tui.proxy.reply.loading_banner import LoadingBanner
from anyclaude_tui.proxy.reply.translator import Translator, new_call_id
from anyclaude_tui.proxy.toolcalls.assembler import CallTooLarge
from anyclaude_tui.proxy.toolcalls.emitter import CallEmitter, CallMemory
from anyclaude_tui.proxy.toolcalls.from_reasoning import last_calls
from anyclaude_tui.proxy.toolcalls.validation import Toolbox
from anyclaude_tui.proxy.wire import anthropic_events, openai_chunks
from anyclaude_tui.proxy.wire.block_writer import BlockWriter
from anyclaude_tui.proxy.wire.openai_chunks import Chunk, Delta, Malformed, plain_delta
from anyclaude_tui.proxy.wire.sse import Comment, Event
from anyclaude_tui.proxy.wire.text_pieces import HalfKeeper
from anyclaude_tui.proxy.wire.wanted_back import Collected
from anyclaude_tui.telemetry.events import Truncation

MAX_THOUGHTS = 16_384
"""So many pieces of the reasoning are kept."""

_encode = anthropic_events.encode
_decode = openai_chunks.decode_fast
_DELTA_END = anthropic_events.DELTA_END


class StreamTranslator(Translator):
    """One reply. `tools` maps each offered tool's name to its input schema."""

    def __init__(
        self,
        *,
        message_id: str,
        model: str,
        prompt_tokens: int,
        tools: Mapping[str, Mapping[str, Any]] | None = None,
        unlisted: Callable[[str], bool] = lambda name: False,
        stop_sequences: Sequence[str] = (),
        single_call: bool = False,
        thinks_until: str = "",
        memory: CallMemory | None = None,
        server: str = "",
        gather: bool = False,
        request_id: str | None = None,
        fast: bool = True,
        call_id: Callable[[], str] = new_call_id,
        error_from: Callable[[Any], ApiError] | None = None,
        resumes: bool = False,
        compacts: bool = False,
        max_tokens: int | None = None,
    ) -> None:
        """`max_tokens`: the limit of output tokens that the request was sent with."""
        super().__init__(
            message_id, model, prompt_tokens, request_id, resumes=resumes, compacts=compacts
        )
        self._error_from = error_from or partial(
            error_answers.from_payload, prompt_tokens=prompt_tokens or None
        )
        self._fast = fast
        self._gather = gather
        self._toolbox = toolbox = Toolbox(tools or {}, unlisted)
        self._banner = LoadingBanner()
        self._thoughts: deque[str] = deque(maxlen=MAX_THOUGHTS)
        """The reasoning, as far as a call at its end may need it."""
        self._wanted = Collected(server)
        self._content = Content(toolbox, stop_sequences, thinks_until)
        usage = anthropic_events.usage(prompt_tokens, 0, 0)
        start = anthropic_events.message_start(message_id, model, usage)
        self._writer = BlockWriter(message_id, start, gather=gather)
        self._emitter = CallEmitter(
            toolbox, self._writer, self.facts, memory, call_id, single=single_call
        )
        self._max_tokens = max_tokens
        self._call_lost = False
        """The server lost a call: it says so, or sent nothing of what it counts."""
        self._refused = False
        self._done = False
        """`[DONE]` came."""
        self._stopped_by: str | None = None
        self._text_halves = HalfKeeper()
        self._thought_halves = HalfKeeper()
        self._text_prefix = b""
        self._thinking_prefix = b""
        self._content_thinks = False

    @property
    def started(self) -> bool:
        """See Translator."""
        return self._writer.started

    @started.setter
    def started(self, value: bool) -> None:
        self._writer.started = value

    @property
    def shown(self) -> bool:
        """See Translator."""
        return self._writer.shown

    def start(self) -> bytes:
        """`message_start`; b"" if it has been produced already."""
        self._writer.start()
        return self._writer.take()

    def feed(self, events: Sequence[Event | Comment]) -> bytes:
        """The Anthropic events for all of these, joined. Never raises for what comes in."""
        facts, out, calls = self.facts, self._writer.out, self._content.calls
        keep_thought = self._thoughts.append
        self._find_lanes()
        deltas = thoughts = 0
        for event in events:
            if self.finished:
                break
            if isinstance(event, Comment):
                facts.note_comment(event.text)
                continue
            chunk: Chunk | None = None
            if self._text_prefix or self._thinking_prefix:
                try:
                    chunk = _decode(event.data)
                except (ValueError, RecursionError):
                    chunk = None
                delta = plain_delta(chunk) if chunk is not None else None
                if delta is not None:
                    text = delta.content
                    thought = delta.reasoning_content or delta.reasoning
                    if text:
                        if self._text_prefix and not thought and not special(text):
                            out += (self._text_prefix, _encode(text), _DELTA_END)
                            if self._content_thinks:
                                keep_thought(text)
                                thoughts += 1
                            else:
                                calls.last = text
                                deltas += 1
                            continue
                    elif thought and self._thinking_prefix:
                        out += (self._thinking_prefix, _encode(thought), _DELTA_END)
                        keep_thought(thought)
                        thoughts += 1
                        continue
            facts.chunks += deltas + thoughts
            facts.deltas += deltas + thoughts
            facts.thinking_deltas += thoughts
            deltas = thoughts = 0
            self._take(event, chunk)
            self._find_lanes()
        facts.chunks += deltas + thoughts
        facts.deltas += deltas + thoughts
        facts.thinking_deltas += thoughts
        return self._writer.take()

    def _judged(self, cause: Truncation | None, reason: str) -> Ending:
        finish = self.facts.finish_reason if self.facts.ended or self._done else None
        if not (self.facts.tool_calls or self._emitter.holds_good_call()):
            finish = true_reason(finish, self.facts.output_tokens, self._max_tokens)
        cut = truncation_of(finish, cause) is not None or self._call_lost
        retry_is_best = finish is None and self._stopped_by is None and not self.shown
        self._end_content(cut=cut, keep_text=not retry_is_best)
        if not cut and not self._stopped_by:
            self._call_from_reasoning()
        nothing = not (self.shown or self.facts.deltas or self._emitter.lost)
        if nothing and not cut and self._toolbox.names:
            self._emitter.lose_unseen(swallowed(self.facts.output_tokens))
        self._emitter.keep(self._wanted.whole(self._thoughts))
        if truncation_of(finish, cause) is Truncation.MAX_TOKENS and not self.shown:
            self._writer.text(limit_words(bool(self.facts.dropped_calls)))
        return decide(
            Seen(
                finish=finish,
                shown=self.shown,
                calls=self.facts.tool_calls,
                lost_calls=self._emitter.lost,
                unwanted_calls=self._emitter.unwanted,
                stop_sequence=self._stopped_by,
                refused=self._refused,
                cause=cause,
                reason=reason,
            )
        )

    def _closed(self) -> bytes:
        self._writer.close()
        return self._writer.take()

    def _empty_delta(self) -> bytes:
        return self._writer.empty_delta()

    def _usage(self) -> dict[str, int]:
        return self.facts.usage(self._prompt_tokens)

    @property
    def _stop_sequence(self) -> str | None:
        return self._stopped_by

    @property
    def _gathered(self) -> list[dict[str, Any]]:
        return self._writer.blocks

    # --- one event ------------------------------------------------------------------------------

    def _take(self, event: Event, chunk: Chunk | None) -> None:
        """The general path; `chunk` if it is decoded already."""
        data = event.data
        if not data or data.isspace():
            return
        if data.strip() == b"[DONE]":
            self.finished = self._done = True
            return
        self.facts.chunks += 1
        try:
            if event.event == "error":
                self._refuse(openai_chunks.load(data))
                return
            if chunk is None:
                self._take_json(data)
            else:
                self._apply(chunk, data)
        except Malformed as error:
            self._give_up(f"the backend sent an event that is not JSON ({error})")
        except CallTooLarge as error:
            self._give_up(f"the backend sent {error}")

    def _take_json(self, data: bytes) -> None:
        chunk: Chunk | None = None
        if self._fast:
            try:
                chunk = _decode(data)
            except (ValueError, RecursionError):
                chunk = None
        if chunk is None:
            try:
                chunk = openai_chunks.from_raw(openai_chunks.load(data))
            except Malformed:
                # Servers that forget the blank line between events.
                lines = data.splitlines()
                if len(lines) < 2:
                    raise
                self.facts.chunks -= 1
                for line in lines:
                    self._take(Event(line), None)
                return
        self._apply(chunk, data)

    def _apply(self, chunk: Chunk, data: bytes) -> None:
        facts = self.facts
        if chunk.error:
            self._refuse(openai_chunks.load(data))
            return
        if not chunk.choices and chunk.usage is None:
            self._look_for_error(data)
        if chunk.prompt_progress is not None:
            facts.note_progress(chunk.prompt_progress)
        for choice in chunk.choices or ():
            if choice.index != 0:
                continue
            delta = choice.delta
            if delta is None and not facts.deltas:
                delta = choice.message
            said = delta is not None and self._add(delta)
            if said:
                facts.withdraw_reason()
            if choice.error:
                self._refuse({"error": choice.error})
                return
            if choice.usage is not None:
                facts.note_usage(choice.usage)
            reason = openai_chunks.real_reason(choice.finish_reason)
            if reason is not None:
                facts.note_reason(reason, alone=not said)
                self._stopped_by = None
                if isinstance(choice.stop_reason, str) and reason == "stop":
                    self._stopped_by = self._content.known_stop(choice.stop_reason)
        if chunk.usage is not None:
            facts.note_usage(chunk.usage)
            if not chunk.choices and facts.ended:
                self.finished = True
        if chunk.timings is not None:
            facts.note_timings(chunk.timings)

    def _look_for_error(self, data: bytes) -> None:
        """A 200 that is no reply: asked again it would be the same."""
        raw = openai_chunks.load(data)
        if error_answers.is_no_reply(raw):
            self._refuse(raw, final=True)

    def _refuse(self, payload: Any, *, final: bool = False) -> None:
        """The backend reports an error; after its finish reason it changes nothing."""
        self.finished = True
        if self.facts.finish_reason is not None:
            return
        error = self._error_from(payload)
        if self._toolbox.names and error_answers.is_lost_call(error.message, self.facts.in_call):
            # mlx-vlm (0.7.10) ends the stream so; asked again, the model writes the same call.
            self.facts.note_reason("tool_calls", alone=True)
            self._call_lost = True
            self._emitter.lose_unseen(error.message)
        else:
            self._error, self._final = error, final

    def _add(self, delta: Delta) -> bool:
        """Take what a chunk adds; True if the model said something with it."""
        facts = self.facts
        thought = delta.reasoning_content or delta.reasoning
        self._wanted.note(named=bool(thought), details=delta.reasoning_details)
        if not thought and delta.reasoning_details:
            thought = openai_chunks.details_text(delta.reasoning_details)
        if thought and not self._banner.passes:
            thought = self._banner.feed(thought)
        any_thought = bool(thought)
        if thought:
            if not thought.isspace():
                self._emitter.text_follows()
                self._content.calls.reasoned = True
            self._thoughts.append(thought)
            self._content.thinking_came()
            self._writer.thinking(self._thought_halves.feed(thought))
        if delta.content:
            text = self._text_halves.feed(delta.content)
            any_thought |= self._add_content(self._content.feed(text))
        if delta.refusal:
            self._refused = True
            self._show(delta.refusal)
        calls = delta.tool_calls or []
        if delta.function_call is not None:
            calls = [openai_chunks.CallDelta(index=0, function=delta.function_call), *calls]
        thought_about = bool(calls) and self._content.in_thought
        for call in calls:
            self._emitter.add(call, thought_about=thought_about)
        said = f"{thought or ''}{delta.content or ''}{delta.refusal or ''}"
        if calls or (said and (facts.deltas or not said.isspace())):
            # White space ahead of everything begins nothing: prefill may still go on.
            facts.deltas += 1
            facts.thinking_deltas += any_thought
        facts.in_call = bool(self._emitter) or self._content.calls.in_call
        return bool(calls or said.strip())

    def _add_content(self, pieces: list[tuple[str, Any]]) -> bool:
        """Show what the content was sorted into; True if there was thinking in it."""
        thoughts = False
        for kind, piece in pieces:
            if kind == "thinking":
                thoughts = self._wanted.tagged = True
                if not piece.isspace():
                    self._emitter.thought_follows()
                self._thoughts.append(piece)
                self._writer.thinking(piece)
            elif kind == "text":
                self._show(piece)
            elif kind == "lost":
                self._emitter.lose_text(piece)
            else:
                self._emitter.rescue(piece)
        if self._content.stopped_by is not None:
            self._stopped_by = self._content.stopped_by
            self.finished = True
        return thoughts

    def _show(self, text: str) -> None:
        if not text.isspace():
            self._emitter.text_follows()
        self._writer.text(text)
        self.facts.text_started = self._writer.text_shown

    # --- the end --------------------------------------------------------------------------------

    def _end_content(self, *, cut: bool, keep_text: bool) -> None:
        """Let go of what is held back. Nothing is shown of a reply that had better be sent
        again (not `keep_text`), unless a whole call came."""
        if keep_text or self._emitter.holds_good_call():
            half = self._text_halves.end()
            self._add_content(self._content.feed(half) if half else [])
            self._add_content(self._content.end(cut=cut))
        self._emitter.end(cut=cut)
        self.facts.dropped_calls += self._content.calls.dropped_calls
        self.facts.in_call = False

    def _call_from_reasoning(self) -> None:
        """A reply of nothing but reasoning that ends with a call: it is meant."""
        if self._writer.text_shown or self.facts.tool_calls or self._emitter.lost:
            return
        for call in last_calls("".join(self._thoughts), self._toolbox):
            self._emitter.rescue(call)

    # --- lanes ----------------------------------------------------------------------------------

    def _find_lanes(self) -> None:
        """Find the deltas that may go straight out: their prefixes; b"" where they may not."""
        self._text_prefix = self._thinking_prefix = b""
        half = self._text_halves.half or self._thought_halves.half
        if not self._fast or self._gather or self._emitter or half:
            return
        if self.facts.finish_reason is not None:
            return
        writer = self._writer
        self._content_thinks = False
        if writer.kind == "text" and self._content.passes:
            self._text_prefix = writer.prefix
        elif writer.kind == "thinking":
            self._thinking_prefix = writer.prefix
            if self._content.thinks:
                self._content_thinks = True
                self._text_prefix = writer.prefix
