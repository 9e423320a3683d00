"""Every pattern of the package takes time in proportion to the text, whatever runs stand in it.

The work is bounded, not timed: a pattern whose time grows with the square of these runs needs
seconds of the processor, one that is linear a few milliseconds. `make fuzz` takes runs of 1 MB.
"""

from __future__ import annotations

import ast
import importlib
import os
import pkgutil
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

import anyclaude_tui

CHARACTERS = int(os.environ.get("ANYCLAUDE_RUN", "10000"))
WORK_S = 0.15 + CHARACTERS / 100_000
"""Of the processor, for one pattern on one run."""
RUNS = (
    *(" ", "\t", "\n", "\r\n", "a", "A", "0", "_", "-", ".", '"', "'", "\\", "<", ">", "</", "<a"),
    *(
        "<|",
        "{",
        "[",
        "(",
        '{"a":',
        "&",
        "=",
        ":",
        ";",
        ",",
        "/",
        "://",
        "@",
        "%0",
        "a ",
        "a.",
        "a-",
    ),
    *('"a"', '\\"', "\\'", "\x1b[", "\x1b]", "\x1b", "<tool_call>", "<think>", "```", "key=", "a="),
    *(
        "<parameter=",
        "<function=",
        "error: ",
        "é",
        "a\n",
        "1 ",
        "1,",
        "to=",
        "to=a ",
        "<script ",
        "<!--",
    ),
    *(
        "<title",
        "<title>",
        "<head>",
        "</script ",
        "<|channel|>final",
        "<system-reminder>",
        "[[",
        "a:",
    ),
    *(
        "x-anthropic-billing-header:\n",
        "eyJa",
        "Bearer ",
        "-----BEGIN ",
        '"name": ',
        "http://a",
        "a. ",
    ),
)
AT_ONE_PLACE = {
    *("prefixes._REMINDERS", "mistakes._HEADING", "billing._BILLING", "harmony._HEADER"),
    "billing._VERSION",
    *("left_out._SENTENCE", "grammars._PROSE", "values._KEY", "logtail._RAISED", "tagged._CDATA"),
    *("lenient_json._AFTER_KEY", "lenient_json._AFTER_VALUE", "lenient_json._AFTER_ITEM"),
    *(
        "lenient_json._FENCE",
        "form_parts.KIMI",
        "form_parts.FUNCTIONARY_2",
        "form_parts.DEEPSEEK",
        "form_parts.MISTRAL",
    ),
    *("form_parts.HARMONY", "form_parts.SOLAR_100B", "form_parts.GEMMA"),
    *("request_filter._TERM", "request_filter._VALUE"),
}
"""Patterns that are only tried at one place of a text (`match`), not everywhere (`search`)."""
EVERYWHERE = {"search", "sub", "subn", "split", "findall", "finditer"}


def held(value: Any, depth: int = 3) -> Iterator[re.Pattern[Any]]:
    """The patterns in a value of a module."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth == 0:
        return
    elif isinstance(value, dict):
        yield from held(tuple(value.values()), depth - 1)
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from held(one, depth - 1)
    elif is_dataclass(value) and not isinstance(value, type):
        parts = [getattr(value, field.name) for field in fields(value)]
        yield from held([*parts, getattr(value, "pattern", None)], depth - 1)


def patterns() -> dict[str, re.Pattern[Any]]:
    """All of them, by module and name."""
    found: dict[str, re.Pattern[Any]] = {}
    for module in pkgutil.walk_packages(anyclaude_tui.__path__, "anyclaude_tui."):
        if module.name.endswith(("__main__", ".child")):
            continue
        try:
            names = vars(importlib.import_module(module.name))
        except ImportError:  # what only another machine, or another Python, has
            continue
        for name, value in names.items():
            for number, pattern in enumerate(held(value)):
                if pattern not in found.values():
                    found[f"{module.name.removeprefix('anyclaude_tui.')}.{name} {number}"] = pattern
    return found


ALL = patterns()


def short(name: str) -> str:
    """`module.NAME` without the packages and the number."""
    return ".".join(name.partition(" ")[0].split(".")[-2:])


def is_tried_everywhere(name: str) -> bool:
    return short(name) not in AT_ONE_PLACE and "redaction" not in name


@contextmanager
def bounded(what: str) -> Iterator[None]:
    """Fails when more of the processor is used: a pattern heeds signals while it works."""

    def too_much(*_: object) -> None:
        raise AssertionError(f"{what}: more than {WORK_S:g} s of work")

    before = signal.signal(signal.SIGPROF, too_much)
    signal.setitimer(signal.ITIMER_PROF, WORK_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def test_there_are_patterns() -> None:
    assert len(ALL) > 100
    assert {short(name) for name in ALL} >= AT_ONE_PLACE


@pytest.mark.parametrize("name", ALL)
def test_a_pattern_is_linear_in_any_run(name: str) -> None:
    pattern = ALL[name]
    for run in RUNS:
        text: Any = f"{run * (CHARACTERS // len(run))}!{{"
        text = text.encode() if isinstance(pattern.pattern, bytes) else text
        with bounded(f"{name} on a run of {run!r}"):
            pattern.match(text)
            pattern.fullmatch(text)
            if is_tried_everywhere(name):
                for _ in pattern.finditer(text):
                    pass


def test_patterns_for_one_place_are_tried_at_one() -> None:
    wrong = []
    for path in Path(anyclaude_tui.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in EVERYWHERE:
                name = ast.unparse(node.value)
                if f"{path.stem}.{name}" in AT_ONE_PLACE or name.endswith(".header"):
                    wrong.append(f"{path.name}: {name}.{node.attr}")
    assert wrong == []
