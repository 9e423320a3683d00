"""`config set | unset | edit | init | check`: what is written, and what is said of mistakes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from anyclaude_tui import config as configuration
from anyclaude_tui.cli import main
from anyclaude_tui.config.reference import sections
from anyclaude_tui.config.settings import Settings
from tests.support.programs import sh_program


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The config.toml of a user who has none yet."""
    monkeypatch.setenv("ANYCLAUDE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home" / "config.toml"


def run(*words: str) -> int:
    return main.main(["config", *words])


def test_a_setting_is_set_and_taken_out(path: Path) -> None:
    assert run("set", "limits.retries", "5") == 0
    assert run("set", "backends.my box.kind", "openai") == 2  # a blank wants quotes
    assert run("set", 'backends."my box".kind', "openai") == 0
    assert run("set", 'backends."my box".args', "--threads 8") == 0
    assert run("set", 'backends."my box".env.HF_HOME', "/a b") == 0
    assert run("set", "dashboard.motion", "no") == 0
    assert tomllib.loads(path.read_text()) == {
        "limits": {"retries": 5},
        "backends": {
            "my box": {"kind": "openai", "args": ["--threads", "8"], "env": {"HF_HOME": "/a b"}}
        },
        "dashboard": {"motion": False},
    }
    assert run("unset", "limits.retries") == 0
    assert "retries" not in path.read_text()


def test_comments_stay(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_text("# mine\n[limits] # these\nretries = 1 # once\nqueue_s = 5 # long\n")
    assert run("set", "limits.retries", "2") == 0
    assert path.read_text() == "# mine\n[limits] # these\nretries = 2\nqueue_s = 5 # long\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "limits.retry", "1"), "did you mean 'limits.retries'"),
        (("set", "limits.retries", "x"), "limits.retries: a whole number is expected"),
        (("set", "proxy.port", "70000"), "must be at most 65535"),
        (
            ("set", "dashboard.theme", "nrod"),
            "dashboard.theme: 'nrod' is not a theme (did you mean",
        ),
        (("set", "dashboard.leader", "ctrl+c"), "would take a key from Claude Code"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_written(
    path: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    assert said in capsys.readouterr().err
    assert not path.exists()


def test_init_writes_every_setting_and_sets_none(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("init") == 0
    text = path.read_text()
    assert configuration.parse(text, "c.toml") == Settings()
    settings = "\n".join(line[1:] for line in text.splitlines() if line.startswith("#") and (
        line[1:2].isalpha() or line.startswith("#[")))  # fmt: skip
    raw = tomllib.loads(settings)
    assert set(raw["backends"]["NAME"]) == set(configuration.BackendSettings.__struct_fields__)
    for section in sections():
        if section.name and section.name != "backends.NAME":
            written = {field.key for field in section.fields if field.kind != "tables"}
            assert set(raw[section.name]) == written
    assert run("check") == 0
    assert "sets nothing" in capsys.readouterr().out
    assert run("init") == 1
    assert "exists already" in capsys.readouterr().err


def test_edit_opens_the_editor_and_checks_afterwards(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    editor = tmp_path / "an editor"
    sh_program(editor, 'echo "bakend = 1" >> "$2"')
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"'{editor}' --wait")
    assert run("edit") == 2
    assert "bakend: no such setting (did you mean 'backend'?)" in capsys.readouterr().err
    monkeypatch.setenv("VISUAL", str(tmp_path / "none"))
    assert run("edit") == 1
    assert "set EDITOR to an editor" in capsys.readouterr().err


def test_check_names_every_mistake(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_text(
        'backend = "fsat"\n[backends.fast]\nkind = "openai"\n'
        '[dashboard]\ntheme = "nrod"\nleader = "ctrl+foo"\n'
    )
    assert run("check") == 2
    said = capsys.readouterr().err
    for words in (
        ":1: backend: no backend called 'fsat' (did you mean 'fast'?)",
        ":2: backends.fast.url: openai needs a URL",
        ":5: dashboard.theme: 'nrod' is not a theme (did you mean 'nord'?)",
        ":6: dashboard.leader: no terminal sends 'ctrl+foo'",
    ):
        assert words in said
