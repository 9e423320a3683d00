"""Changes to config.toml: exactly one key changes, and what people wrote around it stays."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui import config
from anyclaude_tui.config import legacy
from anyclaude_tui.config.editing import Key, save, with_value
from anyclaude_tui.config.mistakes import ConfigError

TEXT = """\
# my settings

backend = "coder"  # the good one

# the models
[backends.coder]
kind = "mlx_lm"
model = "/m"
args = [
    "--a",  # first
    "--b",
]

[backends."my box"]
kind = "openai"
url = "http://h/v1"

[backends.coder.env]
A = "1"

[limits]
keepalive_s = 5  # often
"""


def changed(text: str, key: Key, value: Any) -> str:
    """The text after a change, which is that change and no other."""
    made = with_value(text, key, value)
    wanted = tomllib.loads(text)
    table = wanted
    for name in key[:-1]:
        table = table.setdefault(name, {})
    if value is None:
        table.pop(key[-1], None)
    else:
        table[key[-1]] = value
    assert tomllib.loads(made) == wanted
    return made


@pytest.mark.parametrize(
    ("key", "value", "lines"),
    [
        (("backend",), "my box", ['backend = "my box"']),
        (("keep_backends",), True, ["keep_backends = true"]),
        (("backends", "coder", "model"), "/n", ['model = "/n"']),
        (("backends", "coder", "port"), 8081, ["port = 8081"]),
        (("backends", "my box", "model"), "q", ['model = "q"']),
        (("backends", "coder", "env", "B"), "2", ['B = "2"']),
        (("limits", "keepalive_s"), 3.5, ["keepalive_s = 3.5"]),
        (("proxy", "port"), 8787, ["", "[proxy]", "port = 8787"]),
        (("backends", "a.b", "kind"), "simulator", ["", '[backends."a.b"]', 'kind = "simulator"']),
    ],
)
def test_only_its_lines_change(key: Key, value: Any, lines: list[str]) -> None:
    before, after = TEXT.splitlines(), changed(TEXT, key, value).splitlines()
    assert [line for line in after if line not in before] == [line for line in lines if line]
    comments = [line for line in before if line.startswith("#")]
    assert [line for line in after if line.startswith("#")] == comments


def test_a_value_over_many_lines_is_replaced_whole() -> None:
    made = changed(TEXT, ("backends", "coder", "args"), ["--c"])
    assert "--a" not in made
    assert "# the models" in made


@pytest.mark.parametrize(
    ("key", "gone"),
    [
        (("limits", "keepalive_s"), ["keepalive_s = 5  # often"]),
        (("backends", "my box"), ['[backends."my box"]', 'kind = "openai"', 'url = "http://h/v1"']),
        (("nothing", "there"), []),
    ],
)
def test_removing(key: Key, gone: list[str]) -> None:
    made = with_value(TEXT, key, None)
    assert [line for line in TEXT.splitlines() if line not in made.splitlines()] == gone


def test_removing_a_table_takes_the_tables_in_it_along() -> None:
    made = tomllib.loads(with_value(TEXT, ("backends", "coder"), None))
    assert made["backends"] == {"my box": {"kind": "openai", "url": "http://h/v1"}}


def test_inline_tables_are_changed_too() -> None:
    made = changed('proxy = { port = 1, host = "::1" }\n', ("proxy", "port"), 2)
    assert tomllib.loads(made)["proxy"] == {"port": 2, "host": "::1"}


def test_a_dotted_key_is_found() -> None:
    assert changed("proxy.port = 1\n", ("proxy", "port"), 2).count("port") == 1


def test_a_file_without_a_last_line_end() -> None:
    assert changed('backend = "a"', ("keep_backends",), True).endswith("keep_backends = true\n")
    changed("[limits]\nretries = 1", ("limits", "queue_s"), 9.0)
    changed("# only a comment", ("backend",), "x")


names = st.text("ab.- \"'#=[]ü", min_size=1, max_size=4)
values = st.one_of(
    st.text(max_size=8), st.integers(-5, 9), st.booleans(), st.lists(st.text("a#\n\"'", max_size=3))
)
tables = st.recursive(values, lambda inner: st.dictionaries(names, inner, max_size=3), max_leaves=8)


@given(st.dictionaries(names, tables, max_size=4), st.lists(names, min_size=1, max_size=3), values)
def test_any_file_and_any_key(raw: dict[str, Any], key: list[str], value: Any) -> None:
    table: Any = raw
    for name in key[:-1]:  # a value where the key has a table cannot be meant
        table = table.get(name, {})
        if not isinstance(table, dict):
            return
    changed(tomlkit.dumps(raw), tuple(key), value)


# --- the file -------------------------------------------------------------------------------


def test_what_would_be_wrong_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(TEXT)
    with pytest.raises(ConfigError, match="keepalive_s"):
        save(tmp_path, {("limits", "keepalive_s"): 0})
    assert (tmp_path / "config.toml").read_text() == TEXT


def test_the_predecessors_settings_are_taken_along(tmp_path: Path) -> None:
    home = tmp_path / "ours"
    (tmp_path / legacy.FILE_NAME).write_text('{"backend": "local"}')
    env = {"HOME": str(tmp_path), "ANYCLAUDE_HOME": str(home)}
    _, settings = save(home, {("keep_backends",): True}, env)
    assert (settings.backend, settings.keep_backends) == ("local", True)
    assert config.load(env, tmp_path) == settings


def test_the_file_is_the_users_alone_and_a_link_stays_one(tmp_path: Path) -> None:
    real, home = tmp_path / "dotfiles.toml", tmp_path / "home"
    real.write_text("")
    home.mkdir()
    (home / "config.toml").symlink_to(real)
    save(home, {("backend",): "simulator"})
    assert (home / "config.toml").is_symlink()
    assert real.read_text() == 'backend = "simulator"\n'
    assert real.stat().st_mode & 0o777 == 0o600


lines = st.lists(st.sampled_from(["# a word", "", "# [backends.x]", "#k = 1"]), max_size=3)


@given(
    st.lists(st.tuples(lines, names, st.integers(0, 9)), max_size=4, unique_by=lambda x: x[1]),
    st.lists(st.tuples(lines, names, st.integers(0, 9)), max_size=3, unique_by=lambda x: x[1]),
    names,
    st.one_of(st.none(), st.integers(0, 9)),
)
def test_comments_and_order_stay_in_any_file(
    top: list[tuple[list[str], str, int]],
    tables: list[tuple[list[str], str, int]],
    name: str,
    value: int | None,
) -> None:
    written: list[str] = []
    for comments, key, number in top:
        written += [*comments, f"{tomlkit.key(key).as_string()} = {number}"]
    known = {key for _, key, _ in top}
    for comments, key, number in tables:
        if key not in known:
            written += [*comments, f"[{tomlkit.key(key).as_string()}]", f"n = {number}"]
    text = "".join(f"{line}\n" for line in written)
    if isinstance(tomllib.loads(text).get(name), dict):
        return
    made = changed(text, (name,), value)
    own = tomlkit.key(name).as_string()
    before = [line for line in written if line and not line.startswith(f"{own} = ")]
    after = [line for line in made.splitlines() if line and not line.startswith(f"{own} = ")]
    assert after == before


def test_a_comment_over_a_table_stays_there() -> None:
    made = changed("a = 1\n\n# of x\n[x]\nb = 2\n", ("keep",), 2)
    assert made == "a = 1\nkeep = 2\n\n# of x\n[x]\nb = 2\n"
    made = changed("[x]\nb = 2\n\n# of y\n[y]\nc = 3\n", ("x", "z", "d"), 4)
    assert "# of y\n[y]" in made
