"""The language in which requests are picked out: on the requests screen and on the command line.

`role:main ttft>5 -outcome:complete git` — every term must fit; `-` in front of a term turns it
round; a word alone is looked for everywhere. Pure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from anyclaude_tui.telemetry.endings import ending
from anyclaude_tui.telemetry.metrics import RequestView

Test = Callable[[RequestView], bool]


@dataclass(frozen=True, slots=True)
class TextField:
    """Something in words; `name:part` fits where the part is in it."""

    name: str
    get: Callable[[RequestView], str]
    help: str
    is_listed: bool = True
    """Its values are few enough to be offered while one types."""


@dataclass(frozen=True, slots=True)
class NumberField:
    """A number; `name>5`. What is not known fits no comparison."""

    name: str
    get: Callable[[RequestView], float | None]
    help: str
    is_time: bool = False
    """In seconds; ms, s, min and h may stand behind it."""


TEXTS = (
    TextField("role", lambda r: str(r.role), "main, subagent, background"),
    TextField("end", lambda r: _end(r), "how it ended: end_turn, tool_use, cut, stall, error, …"),
    TextField(
        "outcome",
        lambda r: f"{r.outcome or 'running'} {r.truncation or ''}".strip(),
        "complete, limit, error, cancelled, running",
    ),
    TextField("backend", lambda r: r.backend, "the backend's name"),
    TextField("kind", lambda r: r.kind, "the backend's kind: mlx_lm, lmstudio, …"),
    TextField(
        "model",
        lambda r: f"{r.model} {r.requested_model}" if r.model != r.requested_model else r.model,
        "part of the model's name",
    ),
    TextField("phase", lambda r: str(r.phase), "queued, prefill, decode, ended, …"),
    TextField("stop", lambda r: r.stop_reason or "", "the stop reason"),
    TextField("why", lambda r: r.why, "words of its Why", is_listed=False),
    TextField("id", lambda r: r.id, "part of its id", is_listed=False),
    TextField("session", lambda r: r.session_id, "Claude Code's session", is_listed=False),
)
NUMBERS = (
    NumberField("ttft", lambda r: r.ttft_s.value, "time to first token", is_time=True),
    NumberField("total", lambda r: r.elapsed_s, "all of its time", is_time=True),
    NumberField("queue", lambda r: r.queue_s, "until it was sent", is_time=True),
    NumberField("prefill", lambda r: r.prefill_s.value, "reading the prompt", is_time=True),
    NumberField("in", lambda r: r.prompt_tokens.value, "prompt tokens"),
    NumberField("out", lambda r: r.output_tokens.value, "output tokens"),
    NumberField("reused", lambda r: r.reuse_percent.value, "percent of the prompt from the cache"),
    NumberField("tok/s", lambda r: r.tokens_per_s.value, "decode tokens per second"),
    NumberField("status", lambda r: r.status, "the HTTP status"),
    NumberField("tools", lambda r: r.tool_calls, "tool calls"),
    NumberField("stalls", lambda r: r.stalls, "stalls"),
    NumberField("retries", lambda r: r.retries, "times it was sent again"),
    NumberField("keepalives", lambda r: r.keepalives, "signs of life while it was silent"),
)
_TEXT = {field.name: field for field in TEXTS}
_NUMBER = {field.name: field for field in NUMBERS}
FIELDS = (*_TEXT, *_NUMBER)
EXAMPLE = "ttft>5 role:subagent end:cut backend:NAME model:qwen in>10k -end:tool_use words"
_TERM = re.compile(r"([a-z/]+)(:?(?:[<>]=?|=)|:)(.*)$")
_VALUE = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|k|%)?$")
_TIMES = {"ms": 0.001, "s": 1.0, "": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}
_COUNTS = {"": 1.0, "k": 1000.0, "m": 1e6, "%": 1.0}


@dataclass(frozen=True, slots=True)
class Filter:
    """The tests that a request must pass."""

    tests: tuple[Test, ...] = ()
    problem: str = ""
    """The term that cannot be understood, in words; it is left out."""

    def __call__(self, request: RequestView) -> bool:
        return all(test(request) for test in self.tests)


def parse(words: str) -> Filter:
    """The filter that the words stand for. Raises nothing."""
    tests: list[Test] = []
    problem = ""
    for term in words.lower().split():
        negated = term.startswith("-") and len(term) > 1
        test, trouble = _term(term[1:] if negated else term)
        problem = problem or trouble
        if test is not None:
            tests.append(_not(test) if negated else test)
    return Filter(tuple(tests), problem)


def completions(words: str, requests: Iterable[RequestView]) -> list[str]:
    """The completions of the last term, best first: whole terms, from the fields and from the
    values that these requests have. Empty where nothing is being typed."""
    last = words[words.rfind(" ") + 1 :].lower()
    minus = "-" if last.startswith("-") and len(last) > 1 else ""
    last = last[len(minus) :]
    if not last:
        return []
    name, colon, part = last.partition(":")
    if not colon:
        texts = [f"{minus}{field}:" for field in _TEXT if field.startswith(last)]
        return texts + [f"{minus}{field}>" for field in _NUMBER if field.startswith(last)]
    field = _TEXT.get(name)
    if field is None or not field.is_listed:
        return []
    values = {value.lower() for one in requests for value in field.get(one).split()}
    fit = sorted((v for v in values if part in v and v != part), key=lambda v: (v.find(part), v))
    return [f"{minus}{name}:{value}" for value in fit]


def moment(words: str, now: float) -> float:
    """`90min`, `2h`, `3d` ago, or a day or time as ISO 8601 has it, local: Unix time. Raises
    ValueError, in words."""
    span = re.fullmatch(r"(\d+)(min|m|h|d)", words.strip())
    if span is not None:
        return now - int(span[1]) * {"min": 60, "m": 60, "h": 3600, "d": 86_400}[span[2]]
    try:
        return datetime.fromisoformat(words.strip()).timestamp()
    except ValueError:
        raise ValueError(f"{words!r}: a time is 90min, 2h, 3d, or a day like 2026-11-30") from None


def _end(request: RequestView) -> str:
    """In the words of the tables, and the stop reason with it."""
    return f"{ending(request)} {request.stop_reason or ''}".strip()


def _term(term: str) -> tuple[Test | None, str]:
    found = _TERM.match(term)
    if found is None:
        return _anywhere(term), ""
    name, sign, value = found[1], found[2].removeprefix(":"), found[3]
    if name in _TEXT:
        return _text(_TEXT[name], sign, value)
    if name not in _NUMBER:
        near = difflib.get_close_matches(name, FIELDS, 1)
        return None, f"there is no field {name!r}" + (
            f": did you mean {near[0]}?" if near else f": {', '.join(FIELDS)}"
        )
    field = _NUMBER[name]
    if not value:
        return None, ""  # still being typed
    number = _VALUE.match(value)
    units = _TIMES if field.is_time else _COUNTS
    if number is None or (number[2] or "") not in units:
        return None, f"{name} takes a number: {name}>5" + (" or 500ms" if field.is_time else "")
    return _compared(field.get, sign or "=", float(number[1]) * units[number[2] or ""]), ""


def _text(field: TextField, sign: str, value: str) -> tuple[Test | None, str]:
    if sign in ("<", ">", "<=", ">="):
        return None, f"{field.name} is in words: {field.name}:…"
    if not value:
        return None, ""  # still being typed
    get = field.get
    return lambda r: value in get(r).lower(), ""


def _anywhere(word: str) -> Test:
    def test(request: RequestView) -> bool:
        texts = [field.get(request) for field in TEXTS]
        return any(word in text.lower() for text in (*texts, request.reason))

    return test


def _compared(get: Callable[[RequestView], float | None], sign: str, limit: float) -> Test:
    """A number that is not known fits no comparison."""

    def test(request: RequestView) -> bool:
        value = get(request)
        if value is None:
            return False
        if sign.startswith(">"):
            return value > limit or (sign == ">=" and value == limit)
        if sign.startswith("<"):
            return value < limit or (sign == "<=" and value == limit)
        return value == limit

    return test


def _not(test: Test) -> Test:
    return lambda request: not test(request)
