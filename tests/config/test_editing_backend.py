"""The choice of a backend, kept in the user's configuration: what is there stays as it is."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui import config
from anyclaude_tui.config import editing
from anyclaude_tui.config.mistakes import ConfigError

SPEC = "mlx_lm:/Users/anna/Modelle für „Code“/Qwen3"
COMMENTED = """\
# mine
# do not touch

keep_backends = true  # there is memory

[claude]
args = ["--verbose"]
"""


def save_backend(home: Path, spec: str) -> Path:
    return editing.save(home, {("backend",): spec})[0]


def with_backend(text: str, spec: str) -> str:
    return editing.with_value(text, ("backend",), spec)


def test_a_new_file_is_for_the_user_alone(tmp_path: Path) -> None:
    path = save_backend(tmp_path / "new", SPEC)
    assert path.read_text(encoding="utf-8") == f'backend = "{SPEC}"\n'
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert config.load({"ANYCLAUDE_HOME": str(path.parent)}, tmp_path).backend == SPEC
    assert [child.name for child in path.parent.iterdir()] == ["config.toml"]


def test_comments_and_order_stay() -> None:
    made = with_backend(COMMENTED, "simulator")
    assert made.replace('backend = "simulator"\n', "", 1) == COMMENTED
    assert tomllib.loads(made)["backend"] == "simulator"


def test_an_older_choice_is_replaced_in_its_place() -> None:
    text = f'# top\nkeep_backends = true\nbackend = "a" # was\n\n{COMMENTED.partition("true")[2]}'
    made = with_backend(text, "b")
    assert made.startswith('# top\nkeep_backends = true\nbackend = "b"\n')
    assert tomllib.loads(made) == {**tomllib.loads(text), "backend": "b"}


def test_a_backend_of_another_table_is_left_alone() -> None:
    text = '[roles]\nbackground = "x"\n[backends.backend]\nkind = "simulator"\n'
    made = with_backend(text, "backend")
    assert tomllib.loads(made) == {**tomllib.loads(text), "backend": "backend"}
    assert made.endswith(text)


def test_a_choice_over_many_lines_is_replaced_all_the_same() -> None:
    text = 'backend = """\na"""\nkeep_backends = true\n'
    made = with_backend(text, "b")
    assert tomllib.loads(made) == {"backend": "b", "keep_backends": True}


@given(
    spec=st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    head=st.sampled_from(["", "# a\n", "\n\n", "keep_backends = true\n", 'backend = "x"\n']),
    rest=st.sampled_from(["", "# end", "[claude]\n", '[claude]\nargs = ["backend = 1"]\n']),
)
def test_whatever_is_there_only_the_choice_changes(spec: str, head: str, rest: str) -> None:
    made = tomllib.loads(with_backend(head + rest, spec))
    assert made == {**tomllib.loads(head + rest), "backend": spec}


def test_a_linked_file_stays_a_link(tmp_path: Path) -> None:
    dotfiles = tmp_path / "dotfiles.toml"
    dotfiles.write_text(COMMENTED)
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").symlink_to(dotfiles)
    save_backend(home, SPEC)
    assert (home / "config.toml").is_symlink()
    assert SPEC in dotfiles.read_text(encoding="utf-8")


def test_a_wrong_file_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("keep_backend = true\n")
    with pytest.raises(ConfigError, match="no such setting"):
        save_backend(tmp_path, SPEC)
    assert path.read_text() == "keep_backend = true\n"


def test_a_folder_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        save_backend(tmp_path / "file" / "home", SPEC)
