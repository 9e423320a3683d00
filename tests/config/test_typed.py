"""A setting as it is typed: its value, and a mistake in words."""

from __future__ import annotations

import pytest

from anyclaude_tui.config import typed
from anyclaude_tui.config.reference import sections


@pytest.mark.parametrize(
    ("key", "words", "value"),
    [
        ("args", "--a 'b c'", ["--a", "b c"]),
        ("env", "A=1 B='x y'", {"A": "1", "B": "x y"}),
        ("slots", "1_024", 1024),
        ("model", "  ", None),
    ],
)
def test_what_is_typed(key: str, words: str, value: object) -> None:
    (section,) = [one for one in sections() if one.name == "backends.NAME"]
    (field,) = [one for one in section.fields if one.key == key]
    assert typed.parsed(field, words) == value


def test_numbers_in_a_list() -> None:
    (section,) = [one for one in sections() if one.name == "discovery"]
    (field,) = [one for one in section.fields if one.key == "ports"]
    assert typed.parsed(field, "1234, 8080 9000") == [1234, 8080, 9000]
    with pytest.raises(ValueError, match="whole numbers"):
        typed.parsed(field, "1234 x")


@pytest.mark.parametrize(
    ("key", "words"), [("args", "'x"), ("env", "x"), ("kind", ""), ("slots", "x")]
)
def test_what_cannot_be_meant(key: str, words: str) -> None:
    (section,) = [one for one in sections() if one.name == "backends.NAME"]
    (field,) = [one for one in section.fields if one.key == key]
    with pytest.raises(ValueError, match=r"\w"):
        typed.parsed(field, words)


@pytest.mark.parametrize(
    ("key", "dotted"),
    [
        (("backend",), "backend"),
        (("limits", "retries"), "limits.retries"),
        (("backends", "my own", "model"), "backends.NAME.model"),
        (("backends", "a", "env", "HF_HOME"), "backends.NAME.env"),
        (("claude", "env", "X"), "claude.env"),
    ],
)
def test_the_field_of_a_key(key: tuple[str, ...], dotted: str) -> None:
    assert typed.field_of(key).dotted == dotted


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (("bakend",), "did you mean 'backend'"),
        (("limits", "retry"), "did you mean 'limits.retries'"),
        (("backends", "a"), "no such setting"),
        (("limits",), "no such setting"),
        (("limits", "retries", "x"), "has no settings of its own"),
        ((), "no such setting"),
    ],
)
def test_a_key_that_is_none(key: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        typed.field_of(key)


@pytest.mark.parametrize(("words", "value"), [("yes", True), ("FALSE", False), ("off", False)])
def test_a_switch(words: str, value: bool) -> None:
    field = typed.field_of(("dashboard", "motion"))
    assert typed.parsed(field, words) is value
    with pytest.raises(ValueError, match="true or false"):
        typed.parsed(field, "2")
