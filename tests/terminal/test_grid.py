"""The whole grid against Ghostty's core: what differs is named, with the reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from tests.terminal.grid import CONTEXTS, OPERATIONS, STARTS, Input, differences, inputs


class Named(NamedTuple):
    """Inputs on which Ghostty's core (pyghostty 0.1.3) and xterm 410 part: we do as xterm."""

    reason: str
    covers: Callable[[Input], bool]


def _one_of(*operations: str) -> Callable[[Input], bool]:
    return lambda one: one.operation in operations


def _both(*parts: Callable[[Input], bool]) -> Callable[[Input], bool]:
    return lambda one: all(part(one) for part in parts)


def _margins(one: Input) -> bool:
    return "margins" in one.context


def _origin(one: Input) -> bool:
    return "origin" in one.context


NAMED = (
    Named(
        "moving one axis in origin mode: Ghostty counts the other axis from the margin a second "
        "time (xterm: CursorRow and CursorCol are relative already)",
        _both(_one_of("CHA", "HPA", "HPR", "VPA", "VPR", "TBC 0", "TBC 1"), _origin),
    ),
    Named(
        "CUB and BS from within the left and right margins: xterm stops at the left margin, "
        "Ghostty goes to the first column",
        _both(_one_of("BS", "CUB 3", "CUB 99"), _margins),
    ),
    Named(
        "DECALN: xterm resets the rendition first, Ghostty keeps the background",
        _both(_one_of("DECALN"), lambda one: "background" in one.context),
    ),
    Named(
        "DEC graphics: the character _ is a blank on a VT100 and in xterm, itself in Ghostty",
        _one_of("DEC graphics"),
    ),
    Named(
        "a wide character without room in the last column: Ghostty blanks that cell before it "
        "wraps, and prints nothing without autowrap",
        _one_of("wide text"),
    ),
)


def test_the_grid_is_the_one_that_is_spoken_of() -> None:
    assert (len(CONTEXTS), len(STARTS), len(OPERATIONS)) == (9, 11, 66)


WHOLE = os.environ.get("ANYCLAUDE_GRID") == "whole"
"""`make fuzz` holds every input against Ghostty's core, which takes minutes; the suite a quarter:
each operation in each context, from other starts in each."""
SAMPLE = 4


def sampled(context: str) -> Iterator[Input]:
    starts, operations = list(STARTS), list(OPERATIONS)
    shift = list(CONTEXTS).index(context)
    for one in inputs():
        number = starts.index(one.start) + operations.index(one.operation) + shift
        if one.context == context and (WHOLE or number % SAMPLE == 0):
            yield one


@pytest.mark.parametrize("context", CONTEXTS)
def test_what_differs_is_named(context: str) -> None:
    met: set[str] = set()
    unnamed: list[str] = []
    for one, found in differences(sampled(context)):
        reasons = [named.reason for named in NAMED if named.covers(one)]
        met.update(reasons)
        if not reasons:
            unnamed.append(f"{one}: {found[0]}")
    assert unnamed == []
    expected = {
        named.reason for named in NAMED if any(named.covers(one) for one in sampled(context))
    }
    assert met == expected if WHOLE else met <= expected, "a difference has gone: take its name out"
