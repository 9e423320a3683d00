"""The time of a target by part: from samples to seconds per part, as medians.

One `TimeBreakdown` per workload and prefix. Through the proxy a request takes
queue + load + prefill + proxy + thinking + answer; the direct runs have no queue and no
proxy, so the difference is the proxy's own cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from anyclaude_tui.compare.samples import Prefix, Sample, Way, select
from anyclaude_tui.figures import Figure


@dataclass(frozen=True, slots=True)
class TimeBreakdown:
    """The parts of one target's requests in one workload with one prefix. None = unknown."""

    workload: str
    prefix: Prefix
    queue_s: float
    """In the proxy's queue."""
    load_s: float
    """In the backend before it starts on the prompt: model load, or a slot that is taken."""
    load_known: bool
    """The backend reports when it starts; if not, the wait is counted as prefill."""
    prefill_s: float
    proxy_first_s: float | None
    """The seconds that the way through the proxy costs before the first token; unknown as long as
    the target has no direct runs at all."""
    proxy_decode_s: float
    """And while decoding."""
    thinking_s: float
    answer_s: float
    prompt_tokens: float | None
    reuse: float | None
    """Share of the prompt that came from the prefix cache: as reported, else worked out
    from how much faster the warm prompt was read."""
    prefill_s_per_token: float | None
    thinking_tokens: float
    answer_tokens: float
    decode_s_per_token: float | None

    @property
    def proxy_s(self) -> float:
        """All that the proxy costs, as far as it is known."""
        return (self.proxy_first_s or 0.0) + self.proxy_decode_s

    @property
    def total_s(self) -> float:
        """All parts together."""
        parts = (self.queue_s, self.load_s, self.prefill_s, self.thinking_s, self.answer_s)
        return sum(parts) + self.proxy_s


def breakdowns(samples: Iterable[Sample], target: str) -> list[TimeBreakdown]:
    """One for each workload and prefix that has a good sample."""
    own = [s for s in select(samples, target=target) if s.way is not Way.LOGGED]
    keys = dict.fromkeys((sample.workload, sample.prefix) for sample in own)
    found = {key: _breakdown(*key, select(own, workload=key[0], prefix=key[1])) for key in keys}
    for (workload, prefix), one in found.items():
        cold = found.get((workload, Prefix.COLD))
        if prefix is Prefix.WARM and cold is not None:
            found[workload, prefix] = _with_cold(one, cold)
    speeds = [one.decode_s_per_token for one in found.values() if one.decode_s_per_token]
    if speeds:
        found = {key: _with_decode(one, median(speeds)) for key, one in found.items()}
    known = [one.proxy_first_s for one in found.values() if one.proxy_first_s is not None]
    return [_with_proxy(one, median(known)) if known else one for one in found.values()]


def seconds_per_token(samples: Iterable[Sample]) -> list[float]:
    """Decode time per token of each sample that has it."""
    rates = (sample.tokens_per_s.value for sample in samples)
    return [1 / rate for rate in rates if rate]


def prefill_seconds_per_token(sample: Sample) -> float | None:
    """Prefill time per token that was not cached; None when too few were to tell."""
    uncached = uncached_tokens(sample)
    prefill = sample.view.prefill_s.value
    return prefill / uncached if prefill and uncached and uncached >= MIN_PREFILL_TOKENS else None


def uncached_tokens(sample: Sample) -> float | None:
    """Prompt tokens that had to be read; a cold prompt of unknown caching counts whole."""
    prompt, cached = sample.view.prompt_tokens.value, sample.view.cached_tokens.value
    if prompt is None:
        return None
    if cached is None:
        return prompt if sample.prefix is Prefix.COLD else None
    return max(0.0, prompt - cached)


def waiting_free_ttft_s(sample: Sample) -> float:
    """TTFT without the queue and without the wait in the backend: prefill and the way."""
    view = sample.view
    return max(0.0, (view.ttft_s.value or 0.0) - view.queue_s - (view.load_s.value or 0.0))


MIN_PREFILL_TOKENS = 128
"""Fewer tokens than this are read faster than a request travels: no speed comes of it."""


def _breakdown(workload: str, prefix: Prefix, samples: Sequence[Sample]) -> TimeBreakdown:
    direct = [sample for sample in samples if sample.way is Way.DIRECT]
    proxied = [sample for sample in samples if sample.way is Way.PROXY]
    seen = proxied or direct
    model = direct or proxied
    prompt = _middle(_figures(seen, lambda s: s.view.prompt_tokens))
    cached = _middle(_figures(seen, lambda s: s.view.cached_tokens))
    load_s = _middle(_figures(samples, lambda s: s.view.load_s))
    per_token = _middle(seconds_per_token(model))
    output = _middle(_figures(seen, lambda s: s.view.output_tokens)) or 0.0
    share = _middle([s.thinking_share for s in samples if s.thinking_share is not None]) or 0.0
    decode_s = max(0.0, output - 1) * per_token if per_token else 0.0
    proxy_first_s, proxy_decode_s = _proxy_cost(direct, proxied, output)
    ttft_s = median(waiting_free_ttft_s(sample) for sample in seen)
    return TimeBreakdown(
        workload=workload,
        prefix=prefix,
        queue_s=median(sample.view.queue_s for sample in seen) if proxied else 0.0,
        load_s=load_s or 0.0,
        load_known=load_s is not None,
        prefill_s=max(0.0, ttft_s - (proxy_first_s or 0.0)),
        proxy_first_s=proxy_first_s,
        proxy_decode_s=proxy_decode_s,
        thinking_s=decode_s * share,
        answer_s=decode_s * (1 - share),
        prompt_tokens=prompt,
        reuse=min(1.0, cached / prompt) if prompt and cached is not None else None,
        prefill_s_per_token=_middle(
            [value for s in model if (value := prefill_seconds_per_token(s)) is not None]
        ),
        thinking_tokens=output * share,
        answer_tokens=output * (1 - share),
        decode_s_per_token=per_token,
    )


def _with_decode(one: TimeBreakdown, usual_s: float) -> TimeBreakdown:
    """Tokens that were written in silence (a tool call that comes whole) take the time
    that tokens take elsewhere: it is in what looks like prefill."""
    tokens = one.thinking_tokens + one.answer_tokens
    if one.decode_s_per_token is not None or tokens <= 1:
        return one
    took_s = min(one.prefill_s, (tokens - 1) * usual_s)
    thinking_s = took_s * one.thinking_tokens / tokens
    return replace(
        one,
        prefill_s=one.prefill_s - took_s,
        thinking_s=thinking_s,
        answer_s=took_s - thinking_s,
        decode_s_per_token=took_s / (tokens - 1),
    )


def _with_proxy(one: TimeBreakdown, usual_s: float) -> TimeBreakdown:
    """Charge the proxy with its cost elsewhere, `usual_s`, where no direct runs tell."""
    if one.proxy_first_s is not None:
        return one
    cost_s = min(usual_s, one.prefill_s)
    return replace(one, proxy_first_s=cost_s, prefill_s=one.prefill_s - cost_s)


def _with_cold(warm: TimeBreakdown, cold: TimeBreakdown) -> TimeBreakdown:
    """Complete a warm prompt's figures by the cold one's: it has too few tokens for a speed or for
    progress reports, or no word of the cache, where the time that the second reading took tells."""
    reuse, speed = warm.reuse, warm.prefill_s_per_token
    if not warm.load_known and cold.load_known:
        load_s = min(cold.load_s, warm.prefill_s)
        warm = replace(warm, load_s=load_s, prefill_s=warm.prefill_s - load_s)
    if reuse is None and cold.prefill_s:
        reuse = max(0.0, 1 - warm.prefill_s / cold.prefill_s)
    return replace(
        warm,
        reuse=reuse,
        prefill_s_per_token=cold.prefill_s_per_token if speed is None else speed,
    )


def _proxy_cost(
    direct: Sequence[Sample], proxied: Sequence[Sample], output: float
) -> tuple[float | None, float]:
    """Seconds that the proxy adds before the first token, and while decoding.

    A prompt that the server had to read again only when it came through the proxy is the
    prefix cache's loss, not time spent in the proxy: it is taken out.
    """
    if not direct or not proxied:
        return None, 0.0
    first = median(map(waiting_free_ttft_s, proxied)) - median(map(waiting_free_ttft_s, direct))
    per_token = _middle(
        [value for s in direct if (value := prefill_seconds_per_token(s)) is not None]
    )
    again = _middle([u for s in proxied if (u := uncached_tokens(s)) is not None])
    once = _middle([u for s in direct if (u := uncached_tokens(s)) is not None])
    if again is not None and once is not None and again > once:
        read_s = _middle([v for s in proxied if (v := prefill_seconds_per_token(s)) is not None])
        first -= (again - once) * (per_token or read_s or 0.0)
    slow, fast = _middle(seconds_per_token(proxied)), _middle(seconds_per_token(direct))
    decode = (slow - fast) * max(0.0, output - 1) if slow and fast else 0.0
    return max(0.0, first), max(0.0, decode)


def _figures(samples: Iterable[Sample], get: Callable[[Sample], Figure]) -> list[float]:
    values = (get(sample).value for sample in samples)
    return [value for value in values if value is not None]


def _middle(values: Sequence[float]) -> float | None:
    return median(values) if values else None
