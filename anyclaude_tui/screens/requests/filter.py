"""What the requests screen's filter means: words, and `field:value` with `>` and `<`.

`role:main ttft:>5 -outcome:complete git` — every term must fit; `-` in front of a term
turns it round. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from anyclaude_tui.telemetry.metrics import RequestView
from anyclaude_tui.widgets import status_signs

Test = Callable[[RequestView], bool]

_TEXT: dict[str, Callable[[RequestView], str]] = {
    "outcome": lambda r: f"{r.outcome or 'running'} {r.truncation or ''}",
    "end": status_signs.words,
    "role": lambda r: str(r.role),
    "backend": lambda r: r.backend,
    "kind": lambda r: r.kind,
    "model": lambda r: f"{r.model} {r.requested_model}",
    "id": lambda r: r.id,
    "session": lambda r: r.session_id,
    "stop": lambda r: r.stop_reason or "",
    "phase": lambda r: str(r.phase),
    "why": lambda r: r.why,
}
_NUMBERS: dict[str, Callable[[RequestView], float | None]] = {
    "in": lambda r: r.prompt_tokens.value,
    "out": lambda r: r.output_tokens.value,
    "reused": lambda r: r.reuse_percent.value,
    "queue": lambda r: r.queue_s,
    "prefill": lambda r: r.prefill_s.value,
    "ttft": lambda r: r.ttft_s.value,
    "tok/s": lambda r: r.tokens_per_s.value,
    "total": lambda r: r.elapsed_s,
    "status": lambda r: r.status,
    "tools": lambda r: r.tool_calls,
    "stalls": lambda r: r.stalls,
    "retries": lambda r: r.retries,
    "keepalives": lambda r: r.keepalives,
}
FIELDS = (*_TEXT, *_NUMBERS)
_COMPARED = re.compile(r"([<>]=?)?(\d+(?:\.\d+)?)(k?)$")
_UNITS = {"": 1.0, "k": 1000.0}


@dataclass(frozen=True, slots=True)
class Filter:
    """What was asked for."""

    tests: tuple[Test, ...] = ()
    problem: str = ""
    """What cannot be understood, in words; that term is left out."""

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


def _term(term: str) -> tuple[Test | None, str]:
    name, colon, value = term.partition(":")
    if not colon or (name not in _TEXT and name not in _NUMBERS):
        if colon and re.fullmatch(r"[a-z/]+", name):
            return None, f"there is no field {name!r}: {', '.join(FIELDS)}"
        return _anywhere(term), ""
    if not value:
        return None, ""  # still being typed
    if name in _TEXT:
        get = _TEXT[name]
        return lambda r: value in get(r).lower(), ""
    found = _COMPARED.match(value)
    if found is None:
        if value in ("<", ">", "<=", ">="):
            return None, ""
        return None, f"{name} takes a number: {name}:>5"
    return _compared(_NUMBERS[name], found[1] or "=", float(found[2]) * _UNITS[found[3]]), ""


def _anywhere(word: str) -> Test:
    def test(request: RequestView) -> bool:
        texts = [get(request) for get in _TEXT.values()]
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
