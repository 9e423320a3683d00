"""The settings of every request to one backend: sampling, thinking, deadlines, tools.

They stand in `[backends.NAME]` beside the server's own. `Endpoint.wanted` carries them to where
a request is translated, so that the proxy and the comparison's direct runs send the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Annotated, Any, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]

SAMPLING = (
    *("temperature", "top_p", "top_k", "min_p"),
    *("repetition_penalty", "presence_penalty", "seed"),
)
"""The parameters of sampling, by the names that they have here."""
LIMITS = ("first_byte_s", "between_deltas_s", "tool_call_s", "connect_s")
"""The keys of `[limits]` that a backend can have of its own."""
OURS = frozenset({"stream", "messages", "tools", "model", "system", "n"})
"""Members of a request that no extra body sets: the proxy could not read the reply, or the
conversation would not be the client's."""


class RequestSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The user's settings for every request to a backend; None: nothing is said of it."""

    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    """Temperature of sampling. As every value of sampling that is set here it takes the place
    of the client's. Where nothing is set the client's counts, and where it sends none that of
    the model's own generation_config.json (mlx_lm, vllm_mlx)."""
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    """Nucleus sampling: the likeliest tokens that together have this probability."""
    top_k: Count | None = None
    """Sampling among so many of the likeliest tokens."""
    min_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    """Tokens less likely than this share of the likeliest one are left out."""
    repetition_penalty: Annotated[float, msgspec.Meta(gt=0, le=2)] | None = None
    """Over 1: tokens that have just been written become less likely. llama.cpp and LM Studio get
    it as repeat_penalty, which is what they call it."""
    presence_penalty: Annotated[float, msgspec.Meta(ge=-2, le=2)] | None = None
    """Over 0: tokens that have been written at all become less likely."""
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] | None = None
    """The same seed gives the same reply, as far as the server can. mlx_lm answers requests with
    a seed one after the other."""
    max_output_tokens: Count | None = None
    """Most output tokens of a reply, thinking included; a request that asks for less gets that."""
    thinking: Literal["auto", "on", "off", "low", "medium", "high"] = "auto"
    """auto: as the client asks. off: no thinking, whatever effort is asked for. on: thinking,
    also where the client asks for none (short replies of under 2,048 tokens excepted). low,
    medium, high: the same with this effort, as far as server and chat template know of one."""
    reasoning_history: Literal["reasoning_content", "reasoning", "drop"] | None = None
    """The name under which earlier thinking goes back to the model, or that it does not; without
    it what is known of the server."""
    images: bool | None = None
    """The model reads images; unset, as the server is known to. false: the model is told that there
    was one."""
    extra_body: dict[str, Any] = msgspec.field(default_factory=dict)
    """More members of every request body, tables merged into those that are there; they are the
    last word, but never set stream, messages, tools, model, system or n."""
    leave_out: tuple[str, ...] | None = None
    """As in [tools], and in its place for this backend."""
    shorten_descriptions: bool | None = None
    """As in [tools], and in its place for this backend."""
    first_byte_s: Seconds | None = None
    """As in [limits], and in its place for this backend."""
    between_deltas_s: Seconds | None = None
    """As in [limits], and in its place for this backend."""
    tool_call_s: Seconds | None = None
    """As in [limits], and in its place for this backend."""
    connect_s: Seconds | None = None
    """As in [limits], and in its place for this backend."""

    def sampling(
        self, client: Mapping[str, Any], model: Mapping[str, float]
    ) -> Iterator[tuple[str, Any, str]]:
        """(name, value, where it is from) of what a request is sampled with: `client` is what
        it asks for itself, `model` what the model's own files say."""
        for name in SAMPLING:
            if (value := getattr(self, name)) is not None:
                yield name, value, SETTING
            elif isinstance(client.get(name), int | float):
                yield name, client[name], CLIENT
            elif name in model:
                yield name, model[name], MODEL

    def in_words(self) -> Iterator[str]:
        """`NAME VALUE` of all that is set; what stands in tables by its names only."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is None or value == getattr(_NOTHING, name):
                continue
            if isinstance(value, bool):
                value = "yes" if value else "no"
            elif isinstance(value, dict | tuple):
                value = ", ".join(value) or "none"
            elif isinstance(value, float):
                value = f"{value:g}"
            yield f"{name} {value}"


_NOTHING = RequestSettings(leave_out=(), shorten_descriptions=False)
SETTING, CLIENT, MODEL = "setting", "client", "generation_config.json"
"""The origins of a sampling value."""


def extra_body_faults(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(key in it, what is wrong) for an extra body that cannot be sent."""
    for name in value:
        if name in OURS:
            yield name, "this member is the proxy's: it cannot be set here"
    for key, item in _leaves(value):
        if isinstance(item, date | datetime | time):
            yield key, "JSON has no dates: write it as a text"
        elif isinstance(item, float) and not math.isfinite(item):
            yield key, "JSON has no such number"


def _leaves(value: Any, within: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, f"{within}.{name}".lstrip("."))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, within)
    else:
        yield within, value
