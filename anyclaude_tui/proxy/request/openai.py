"""An Anthropic Messages request → the chat completions request for one backend.

Pure: `content_blocks`, `messages`, `tools` and `parameters` know the parts, this module puts them
together, the parts that stay the same from turn to turn last and in one order, so that
the body of the next turn begins with the messages of this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.templates.call_forms import NO_TOOL, system_as_user
from anyclaude_tui.prefix.billing import strip_billing
from anyclaude_tui.proxy.errors import invalid, no_threads, overflow
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.checked import checked
from anyclaude_tui.proxy.request.content_blocks import Context, blocks_of, parts_of, text_of
from anyclaude_tui.proxy.request.conversation_changes import from_summary_on, tools_now
from anyclaude_tui.proxy.request.left_out import left_out_words, runs_unlisted, tools_wanted
from anyclaude_tui.proxy.request.messages import append_instruction, conversation
from anyclaude_tui.proxy.request.parameters import parameters
from anyclaude_tui.proxy.request.seen import Seen
from anyclaude_tui.proxy.request.stable_front import arranged
from anyclaude_tui.proxy.request.tools import (
    OFFERS_KEPT,
    Offered,
    count_tools,
    loaded_tools,
    offer,
    order_of_loading,
)
from anyclaude_tui.proxy.request.wanted import (
    Sampled,
    as_wanted,
    more_sampling,
    with_extra,
    without_top_k,
)
from anyclaude_tui.proxy.wire.safe_json import join_texts, json_bytes

IMAGE_BYTES = 4_000
"""The bytes of an image in `prompt_bytes`: about a thousand tokens, whatever its file size."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of the parts of the client's request."""

    system_bytes: int
    tools_bytes: int
    messages_bytes: int
    tool_count: int
    message_count: int


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """A request as it goes to the backend, and what its reply must be read with."""

    body: dict[str, Any]
    """The OpenAI request; always streamed."""
    tools: Mapping[str, Mapping[str, Any]]
    """Tool name → input_schema of the tools that the model may call; empty if none."""
    stop_sequences: tuple[str, ...]
    """Those that the proxy must do itself."""
    notices: tuple[str, ...]
    """The parts that were left out or changed, in plain words."""
    sizes: Sizes
    prompt_bytes: int = 0
    """Bytes of what the model reads (messages and tools; images at a flat rate): the size
    to estimate from and to learn with."""
    thinks_until: str = ""
    """The closing tag of the thinking block that the reply begins in, `Dialect.thinks_until`."""
    call_ids: frozenset[str] = frozenset()
    """Ids of the calls in the conversation, where the reply may bring others of its own."""
    single_call: bool = False
    """The client wants at most one tool call (`disable_parallel_tool_use`)."""
    sampling: tuple[Sampled, ...] = ()
    """The parameters of sampling that it is sent with."""
    left_out: tuple[str, ...] = ()
    """The client's tools that the user leaves out."""
    unlisted: Callable[[str], bool] = field(default=lambda name: False, compare=False)
    """True for the name of a tool that is not listed, but whose call is the client's to judge."""
    encoded: tuple[tuple[str, Any, bytes], ...] = field(default=(), compare=False, repr=False)
    """Members of the body that were measured: name, value, and as JSON."""

    def data(self) -> bytes:
        """The body as it is sent; what was encoded to be measured is not encoded again."""
        raws = {
            name: msgspec.Raw(raw) for name, of, raw in self.encoded if self.body.get(name) is of
        }
        return msgspec.json.encode({**self.body, **raws})


def translate(body: Mapping[str, Any], endpoint: Endpoint, memory: CallMemory) -> UpstreamRequest:
    """The upstream request for `body`. Raises ApiError only, whatever the input.

    Reading a PDF for the first time takes up to seconds (`pdf.py`): a request that
    may hold one is best translated off the loop.
    """
    seen = memory.seen
    clean = checked(body, seen)
    if clean.get("thread") is not None:
        raise no_threads()
    given, order = clean.get("tools"), tuple[str, ...]()
    plain = seen.is_plain(clean.get("messages"))
    if not plain:
        given = tools_now(given, clean.get("messages"))
        order = order_of_loading(clean.get("messages"))
    loaded = loaded_tools(given, order, endpoint.dialect)
    context = Context(endpoint.dialect, memory, endpoint.server, order=order, loaded=loaded)
    sizes = sizes_of(clean, seen)
    system, said = _system_text(clean.get("system"), context), _messages(clean)
    if not plain:
        said = from_summary_on(said)
    if endpoint.dialect.late_system == "folded":
        system, said = arranged(system, said, endpoint.dialect.stable_front)
    messages = conversation(system, said, context)
    if not any(message["role"] != "system" for message in messages):
        raise invalid("messages: at least one message must have content")
    if endpoint.dialect.first_system == "user":
        messages = system_as_user(messages)
    wanted = as_wanted(clean, endpoint)
    context.notices |= dict.fromkeys(wanted.notices)
    made = _offered(given, clean.get("tool_choice"), endpoint, context)
    context.notices |= dict.fromkeys(made.notices)
    offered = made.offer
    params = parameters(without_top_k(wanted), context)
    more, unknown = more_sampling(wanted.sampling, endpoint.dialect)
    context.notices |= dict.fromkeys(unknown)
    for instruction in (offered.instruction, params.instruction):
        if instruction:
            append_instruction(messages, instruction)

    usage = {"include_usage": True}
    upstream = {"model": endpoint.model, "stream": True, "stream_options": usage}
    upstream |= params.members | more
    _add_extra(upstream, endpoint.dialect.extra)
    if offered.tools:
        upstream.update(offered.members)
        upstream["tools"] = offered.tools
    elif endpoint.dialect.needs_tools:
        upstream["tools"] = [NO_TOOL]
    for name in endpoint.dialect.left_out & upstream.keys():
        del upstream[name]
    upstream = with_extra(upstream, endpoint.wanted.extra_body)
    upstream["messages"] = messages
    encoded = [("messages", messages, msgspec.json.encode(messages))]
    if offered.tools:
        encoded.append(("tools", offered.tools, made.encoded))
    return UpstreamRequest(
        body=upstream,
        tools=offered.schemas,
        stop_sequences=params.stop_sequences,
        notices=tuple(context.notices),
        sizes=sizes,
        prompt_bytes=sum(len(raw) for _, _, raw in encoded) + _images_bytes(messages),
        thinks_until=endpoint.dialect.thinks_until[0 if params.thinking else 1],
        single_call=offered.single_call,
        sampling=_sent(wanted.sampling, upstream, endpoint),
        left_out=made.left_out,
        unlisted=runs_unlisted(clean.get("tools"), endpoint.wanted),
        encoded=tuple(encoded),
    )


def _offered(given: Any, choice: Any, endpoint: Endpoint, context: Context) -> Offered:
    """The offer of the tools `given`. Those that came before, byte for byte, are the same
    object (`seen.py`): what was made of them is kept."""
    known, seen = context.memory.offered, context.memory.seen
    basis = (choice, endpoint.wanted, endpoint.dialect)
    lasting = not context.loaded and not context.order and seen.parts(given) is not None
    for place, found in enumerate(known if lasting else ()):
        if found.given is given and found.basis == basis:
            known.insert(0, known.pop(place))
            return found
    apart = replace(context, notices={})
    tools, left = tools_wanted(given, choice, endpoint.wanted)
    apart.notices |= dict.fromkeys(left_out_words(left))
    offered = offer(tools, choice, apart)
    encoded = msgspec.json.encode(offered.tools) if offered.tools else b""
    made = Offered(given, basis, offered, left, tuple(apart.notices), encoded)
    if lasting:
        known[:] = [made, *known[: OFFERS_KEPT - 1]]
    return made


def _sent(
    sampling: tuple[Sampled, ...], upstream: Mapping[str, Any], endpoint: Endpoint
) -> tuple[Sampled, ...]:
    """Of the parameters of sampling those that go upstream, as they do."""
    names = endpoint.dialect.renamed
    found = ((name, upstream.get(names.get(name, name)), source) for name, _, source in sampling)
    return tuple(one for one in found if one[1] is not None)


def clamp(request: UpstreamRequest, prompt_tokens: int, endpoint: Endpoint) -> UpstreamRequest:
    """The request with a `max_tokens` that fits: into the window behind the prompt, and
    under the server's cap. Raises the overflow error when the prompt fills the window."""
    wanted = request.body.get("max_tokens")
    if not isinstance(wanted, int):  # a native server says itself what it thinks of it
        wanted = None
    allowed: list[int] = [] if wanted is None else [wanted]
    if wanted is not None and endpoint.dialect.max_tokens_cap is not None:
        allowed.append(endpoint.dialect.max_tokens_cap)
    if endpoint.window_tokens is not None:
        room = endpoint.window_tokens - prompt_tokens
        if room < 1:
            raise overflow(prompt_tokens, endpoint.window_tokens)
        if wanted is not None:
            allowed.append(room)
    if not allowed or min(allowed) == wanted:
        return request
    # An existing key keeps its place, so the body's order stays what it was.
    return replace(request, body={**request.body, "max_tokens": min(allowed)})


def _system_text(system: Any, context: Context) -> str:
    """The system prompt as one text, without the billing header."""
    if system is None:
        return ""
    blocks = blocks_of(strip_billing(system), "system")
    return join_texts(
        text_of(parts_of(block, f"system.{position}", context))
        for position, block in enumerate(blocks)
    )


def _messages(body: Mapping[str, Any]) -> Any:
    """The messages; a system message that stands first loses the billing header too."""
    messages = body.get("messages")
    if isinstance(messages, list) and messages and isinstance(messages[0], Mapping):
        first = messages[0]
        if first.get("role") == "system" and first.get("content") is not None:
            return [{**first, "content": strip_billing(first["content"])}, *messages[1:]]
    return messages


def _add_extra(upstream: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """The dialect's fixed members; objects are merged, ours are the stronger in them."""
    for key, value in extra.items():
        ours = upstream.get(key)
        if isinstance(ours, dict) and isinstance(value, Mapping):
            value = {**value, **ours}
        upstream[key] = value


def sizes_of(body: Mapping[str, Any], seen: Seen | None = None) -> Sizes:
    """The sizes of a (harmless) request's parts; `seen` has what is known of them."""
    seen = seen or Seen()
    tools, messages = body.get("tools"), body.get("messages")
    return Sizes(
        system_bytes=json_bytes(body.get("system")),
        tools_bytes=seen.json_bytes(tools),
        messages_bytes=seen.json_bytes(messages),
        tool_count=count_tools(tools),
        message_count=len(messages) if isinstance(messages, list) else 0,
    )


def _images_bytes(messages: list[dict[str, Any]]) -> int:
    """The bytes that images count beyond those that stand for them; mostly less than 0."""
    size = 0
    for message in messages:
        if not isinstance(message["content"], str):
            for part in message["content"]:
                if part["type"] == "image_url":
                    size += IMAGE_BYTES - len(part["image_url"]["url"])
    return size
