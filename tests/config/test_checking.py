"""All mistakes of a settings file at once, and those that only two lines together make."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui import config
from anyclaude_tui.config import checking
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.settings import SECTIONS, Settings

MANY = """\
bakend = "simulator"
[backends.one]
kind = "opnai"
slots = 0
[backends.two]
url = "http://127.0.0.1:1/v1"
[backends.three]
kind = "mlx_lm"
args = ["a", 1]
env = { A = 1 }
[proxy]
host = "0.0.0.0"
port = 70000
[dashboard]
leader = "ctrl+c"
colours = "no"
[limts]
retries = 1
"""


def lines(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, "c.toml")
    return str(caught.value).splitlines()


def test_every_mistake_has_a_line() -> None:
    assert [line.split(": ")[:2] for line in lines(MANY)] == [
        ["c.toml:1", "bakend"],
        ["c.toml:3", "backends.one.kind"],
        ["c.toml:4", "backends.one.slots"],
        ["c.toml:5", "backends.two"],
        ["c.toml:9", "backends.three.args"],
        ["c.toml:10", "backends.three.env"],
        ["c.toml:12", "proxy.host"],
        ["c.toml:13", "proxy.port"],
        ["c.toml:15", "dashboard.leader"],
        ["c.toml:16", "dashboard.colours"],
        ["c.toml:17", "limts"],
    ]
    words = "\n".join(lines(MANY))
    assert "backends.one.slots: must be at least 1" in words
    assert "backends.two: kind is missing" in words
    assert "dashboard.colours: must be true or false, not text in quotes" in words
    assert "limts: no such setting (did you mean 'limits'?)" in words


ACROSS = {
    "openai without a url": ('[backends.x]\nkind = "openai"', "c.toml:1: backends.x.url: openai"),
    "a url of no web": (
        '[backends.x]\nkind = "openai"\nurl = "127.0.0.1:1/v1"',
        "c.toml:3: backends.x.url: openai needs a URL",
    ),
    "mlx_lm without a model": (
        '[backends.x]\nkind = "mlx_lm"',
        "c.toml:1: backends.x.model: mlx_lm needs a model",
    ),
    "a role's backend": (
        '[roles]\nsubagent = "fsat"\n[backends.fast]\nkind = "simulator"',
        "c.toml:2: roles.subagent: no backend called 'fsat' (did you mean 'fast'?)",
    ),
    "the first backend": ('backend = "fast"', "c.toml:1: backend: no backend called 'fast'"),
    "one port twice": (
        '[proxy]\nport = 9000\n[backends.x]\nkind = "mlx_lm"\nmodel = "/m"\nport = 9000',
        "c.toml:6: backends.x.port: 9000 is proxy.port too",
    ),
    "a search without its server": (
        '[search]\nprovider = "searxng"',
        "c.toml:1: search.url: searxng needs",
    ),
    "a search without its key": (
        '[search]\nprovider = "brave"',
        "c.toml:1: search.api_key: brave needs a key",
    ),
}


@pytest.mark.parametrize("case", ACROSS)
def test_what_is_wrong_beside_the_rest(case: str) -> None:
    text, words = ACROSS[case]
    found = list(checking.across(config.parse(text, "c.toml")))
    assert checking.listed(found, text, "c.toml").startswith(words)
    assert len(found) == 1


def test_nothing_is_wrong_with_what_is_right() -> None:
    text = '[backends.a]\nkind = "simulator"\nport = 1\n[backends.b]\nkind = "lmstudio"\n'
    assert list(checking.across(config.parse(text, "c.toml"))) == []
    assert list(checking.across(Settings())) == []


SCALARS = st.none() | st.booleans() | st.integers(-9, 99999) | st.text(max_size=3) | st.floats()
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=3), SCALARS)
KEYS = st.sampled_from(
    ["backend", "backends", "kind", "port", "x", "", "a.b", "`", *SECTIONS]
) | st.text(max_size=3)


@given(raw=st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES, max_size=3), max_size=4))
def test_anything_is_taken_or_told_in_words(raw: dict[str, Any]) -> None:
    before = repr(raw)
    try:
        checking.convert(raw, "", "c.toml")
    except ConfigError as error:
        told = str(error)
    else:
        told = "c.toml: "
    assert told.startswith("c.toml: ")
    assert repr(raw) == before


def test_a_line_is_found_in_a_file_of_any_order() -> None:
    text = 'proxy.port = "x"\n[backends."a b"]\nkind = 1\n'
    assert tomllib.loads(text)
    assert [line.split(": ")[0] for line in lines(text)] == ["c.toml:1", "c.toml:3"]
