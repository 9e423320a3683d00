"""The doctor: each finding with its remedy, exit code 1 only when something needed is broken."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from anyclaude_tui.claude_code import settings_files
from anyclaude_tui.config.settings import (
    BackendSettings,
    ClaudeSettings,
    DiscoverySettings,
    Settings,
)
from anyclaude_tui.doctor import backends, machine
from anyclaude_tui.doctor import terminal as doctor_terminal
from anyclaude_tui.doctor.check import Check, Level
from anyclaude_tui.doctor.report import ASCII_SIGNS, SIGNS, lines
from anyclaude_tui.doctor.terminal import Answers
from tests.backends.fakes import LmStudio, openai, serving
from tests.backends.templates import small
from tests.e2e.terminal import PtyTerminal
from tests.support.assets import TINY_MODEL

GOOD_ENV = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


def doctor(home: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """`anyclaude-tui doctor` as a process, with nothing of the tester's own."""
    return subprocess.run(
        [sys.executable, "-m", "anyclaude_tui", "doctor", *args],
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), **env},
        cwd=home,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def named(found: Iterable[Check], name: str) -> Check:
    (only,) = [check for check in found if check.name == name]
    return only


def remedied(found: Iterable[Check]) -> list[Check]:
    """All of it; what is wrong must say what to do."""
    checks = list(found)
    for check in checks:
        assert check.detail
        assert check.remedy or check.level in (Level.OK, Level.NOTE), check
    return checks


# --- the command ----------------------------------------------------------------------------


def test_a_new_machine_has_nothing_broken(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0, report
    assert report["ok"] is True
    found = remedied(Check(**{**one, "level": Level(one["level"])}) for one in report["checks"])
    assert named(found, "Python").level is Level.OK
    assert "npm install" in named(found, "program").remedy
    assert "not a terminal" in named(found, "window").detail


def test_what_is_broken_makes_it_fail_and_is_told_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / ".anyclaude").mkdir(mode=0o700)
    (tmp_path / ".anyclaude" / "config.toml").write_text("[proxy]\nprot = 1\n")
    done = doctor(tmp_path)
    assert done.returncode == 1
    assert "config.toml:2" in done.stdout
    assert "'port'" in done.stdout
    assert "1 thing broken" in done.stdout


def test_the_predecessors_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".anyclauderc.json").write_text('{"backend": "simulator"}')
    done = doctor(tmp_path)
    assert "the predecessor's file" in done.stdout
    assert "config import" in done.stdout


def test_the_default_backend_is_needed_others_are_not(tmp_path: Path) -> None:
    (tmp_path / ".anyclaude").mkdir(mode=0o700)
    settings = tmp_path / ".anyclaude" / "config.toml"
    gone = f'[backends.gone]\nkind = "mlx_lm"\nmodel = "{tmp_path}/none"\n'
    settings.write_text(gone)
    assert doctor(tmp_path).returncode == 0
    settings.write_text('backend = "gone"\n' + gone)
    done = doctor(tmp_path)
    assert done.returncode == 1
    assert "gone (the default)" in done.stdout
    assert doctor(tmp_path, "--backend", "simulator").returncode == 0


def test_a_model_is_tried_on_demand(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--json", "--try", "--backend", "simulator")
    report = json.loads(done.stdout)
    tried = {one["name"]: one for one in report["checks"] if "model of" in one["group"]}
    assert tried["context window"]["level"] == "ok"
    assert {"tool call", "follows a tool's result", "speed"} <= set(tried)
    for one in tried.values():
        assert one["remedy"] or one["level"] in ("ok", "note")
    assert report["ok"] is (done.returncode == 0)


def test_a_backend_that_cannot_be_tried(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--try", "--backend", "openai:http://127.0.0.1:9/v1")
    assert done.returncode == 1
    assert "nothing answers" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_locale_without_utf8_gets_a_report_it_can_show(tmp_path: Path, encoding: str) -> None:
    done = doctor(tmp_path, PYTHONIOENCODING=encoding)
    assert "!! text" in done.stdout
    assert "LC_ALL" in done.stdout
    assert done.stderr == ""


def test_the_c_locale(tmp_path: Path) -> None:
    done = doctor(tmp_path, LC_ALL="C")
    assert "Machine" in done.stdout
    assert done.stderr == ""


async def test_it_asks_the_terminal_it_runs_in(tmp_path: Path) -> None:
    """The terminal is bittty, which knows kitty keys and synchronized output."""
    command = [sys.executable, "-m", "anyclaude_tui", "doctor"]
    env = {**GOOD_ENV, "PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    async with PtyTerminal(command, cwd=tmp_path, env=env, columns=100, rows=50) as terminal:
        await terminal.wait_ended()
        said = terminal.history()
    assert "kitty keyboard protocol" in said
    assert "100×50 cells" in said
    assert "truecolor" in said
    assert "\x1b[32m✓" in said


# --- the terminal ---------------------------------------------------------------------------


def terminal(
    env: Mapping[str, str],
    *,
    size: tuple[int, int] | None = (120, 40),
    encoding: str = "utf-8",
    answers: Answers | None = None,
) -> list[Check]:
    return remedied(doctor_terminal.checks(env, size=size, encoding=encoding, answers=answers))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"", Answers(False)),
        (b"\x1b[?62;22c", Answers(True)),
        (
            b"\x1b[?0u\x1bP>|ghostty 1.2\x1b\\\x1b[?2026;2$y\x1b[?62c",
            Answers(True, "ghostty 1.2", True, True),
        ),
        (b"\x1b[?2026;0$y\x1b[?1;2c", Answers(True)),
        (b"keys typed \x1b[A meanwhile\x1b[?6c", Answers(True)),
    ],
)
def test_answers_of_terminals(said: bytes, expected: Answers) -> None:
    assert doctor_terminal.parse(said) == expected


@pytest.mark.parametrize("term", ["", "dumb"])
def test_a_dumb_terminal_is_broken_and_run_is_the_way_out(term: str) -> None:
    check = named(terminal({"TERM": term}), "kind")
    assert check.level is Level.BROKEN
    assert "anyclaude-tui run" in check.remedy


def test_a_good_terminal_has_no_complaint() -> None:
    found = terminal(GOOD_ENV, answers=Answers(True, "ghostty 1.2", True, True))
    assert {check.level for check in found} == {Level.OK}
    assert "ghostty 1.2" in named(found, "kind").detail


@pytest.mark.parametrize(
    ("env", "name", "words"),
    [
        ({"TERM": "xterm"}, "colours", "16"),
        ({"TERM": "xterm-256color"}, "colours", "COLORTERM=truecolor"),
        ({**GOOD_ENV, "NO_COLOR": "1"}, "colours", "NO_COLOR"),
        ({**GOOD_ENV, "TMUX": "/tmp/tmux"}, "tmux", "terminal-features"),
        ({**GOOD_ENV, "SSH_CONNECTION": "1 2 3 4"}, "ssh", "OSC 52"),
    ],
)
def test_what_is_less_than_best_is_noted(env: dict[str, str], name: str, words: str) -> None:
    check = named(terminal(env, answers=Answers(True, "", True, True)), name)
    assert check.level is Level.NOTE
    assert words in check.detail + check.remedy


@pytest.mark.parametrize(("size", "level"), [((30, 8), Level.BROKEN), ((60, 20), Level.NOTE)])
def test_a_small_window(size: tuple[int, int], level: Level) -> None:
    assert named(terminal(GOOD_ENV, size=size), "window").level is level


# --- the machine and Claude Code ------------------------------------------------------------


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    check = machine.files(tmp_path / "file" / "ours")
    assert check.level is Level.BROKEN
    assert "ANYCLAUDE_HOME" in check.remedy


def test_a_folder_that_others_can_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert "chmod 700" in machine.files(tmp_path).remedy
    tmp_path.chmod(0o700)
    assert machine.files(tmp_path).level is Level.OK


def test_a_port_that_is_taken_names_who_has_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        check = machine.proxy_port(port)
    assert check.level is Level.BROKEN
    assert str(port) in check.detail
    assert machine.proxy_port(0).level is Level.OK


def claude(folder: Path, version: str) -> dict[str, str]:
    """An environment with a `claude` that only tells its version."""
    program = folder / "claude"
    program.write_text(f"#!/bin/sh\necho '{version}'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder)}


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ("2.1.329 (Claude Code)", Level.OK),
        ("2.1.400 (Claude Code)", Level.OK),
        ("2.0.1 (Claude Code)", Level.WARNING),
        ("3.0.0 (Claude Code)", Level.WARNING),
        ("hm", Level.WARNING),
    ],
)
def test_claude_codes_version(tmp_path: Path, version: str, level: Level) -> None:
    env = claude(tmp_path, version)
    found = remedied(machine.claude_code(ClaudeSettings(), env, tmp_path))
    assert named(found, "version").level is level


@pytest.mark.parametrize(
    ("line", "level", "words"),
    [
        (None, Level.NOTE, "not known: no conversation"),
        ({"hasAnchors": None}, Level.NOTE, "not known: no conversation"),
        ({"hasAnchors": True, "clientVersion": "2.1.332"}, Level.OK, "as we know it"),
        ({"hasAnchors": False, "clientVersion": "2.1.332"}, Level.WARNING, "nothing was moved"),
        ({"hasAnchors": False}, Level.WARNING, "nothing was moved"),
        ({"hasAnchors": False, "clientVersion": "2.1.329"}, Level.NOTE, "was 2.1.329's"),
    ],
)
def test_a_prompt_whose_anchors_are_gone_is_told(
    tmp_path: Path, line: dict[str, object] | None, level: Level, words: str
) -> None:
    env = claude(tmp_path, "2.1.332 (Claude Code)")
    if line is not None:
        (tmp_path / "request-logs").mkdir()
        newest = {"timestamp": "2026-11-30T10:00:00Z", **line}
        older = {"timestamp": "2026-11-30T09:00:00Z", "hasAnchors": None}
        text = "\n".join(json.dumps(one) for one in (older, newest, older))
        (tmp_path / "request-logs" / "2026-11-30.jsonl").write_text(text + "\n")
    found = remedied(machine.claude_code(ClaudeSettings(), env, tmp_path, tmp_path))
    check = named(found, "stable front")
    assert check.level is level
    assert words in check.detail


def test_a_configured_claude_that_is_not_there_is_broken(tmp_path: Path) -> None:
    wanted = ClaudeSettings(command=str(tmp_path / "nope"))
    (check,) = remedied(machine.claude_code(wanted, {"PATH": ""}, tmp_path))
    assert check.level is Level.BROKEN


@pytest.mark.parametrize("place", [".claude/settings.json", ".claude/settings.local.json"])
def test_settings_of_claude_code_that_would_lead_past_the_proxy(tmp_path: Path, place: str) -> None:
    env = claude(tmp_path, "2.1.329")
    path = tmp_path / place
    path.parent.mkdir()
    path.write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": "http://elsewhere", "MINE": "1"}}))
    check = named(machine.claude_code(ClaudeSettings(), env, tmp_path), "its settings")
    assert check.level is Level.NOTE
    assert str(path) in check.detail
    assert "MINE" not in check.detail
    path.write_text("not json")
    assert not list(machine.overriding(env, tmp_path))


def test_an_administrators_settings_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    managed = tmp_path / "managed-settings.json"
    managed.write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": "http://elsewhere"}}))
    monkeypatch.setattr(settings_files, "MANAGED", (managed,))
    (check,) = remedied(machine.overriding({"HOME": str(tmp_path)}, tmp_path))
    assert check.level is Level.BROKEN


# --- backends -------------------------------------------------------------------------------


async def backend(home: Path, **settings: object) -> list[Check]:
    """What is said of one configured backend that is the default."""
    made = Settings(backend="mine", backends={"mine": BackendSettings(**settings)})  # type: ignore[arg-type]
    found = remedied(await backends.checks(made, home))
    return [check for check in found if check.group == backends.GROUP]


@pytest.fixture(autouse=True)
def _nobodys_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


async def test_a_model_on_disk(tmp_path: Path) -> None:
    (first, *more) = await backend(tmp_path, kind="mlx_lm", model=str(TINY_MODEL))
    assert first.level is Level.OK
    assert "32,768 tokens" in first.detail
    (sampled,) = more
    assert (sampled.level, sampled.detail) == (
        Level.OK,
        "its generation_config.json: temperature 0",
    )


async def test_what_is_set_for_every_request(tmp_path: Path) -> None:
    found = await backend(
        tmp_path,
        kind="mlx_lm",
        model=str(TINY_MODEL),
        temperature=0.7,
        thinking="low",
        extra_body={"a": "hunter2"},
    )
    assert found[-1].level is Level.OK
    words = "set for every request: temperature 0.7, thinking low, extra_body a"
    assert found[-1].detail == words


async def test_a_model_that_claude_code_cannot_use(tmp_path: Path) -> None:
    model = tmp_path / "base"
    model.mkdir()
    (model / "config.json").write_text('{"max_position_embeddings": 4096}')
    (model / "model.safetensors").write_bytes(b"")
    found = await backend(tmp_path, kind="mlx_lm", model=str(model))
    words = " ".join(check.detail for check in found)
    assert "4,096 tokens is too small" in words
    assert "no chat template" in words
    (model / "chat_template.jinja").write_text("{{ messages }}")
    found = await backend(tmp_path, kind="mlx_lm", model=str(model))
    assert "shows the model no tools" in " ".join(check.detail for check in found)


async def test_what_a_chat_template_does_is_told_with_what_to_do(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"max_position_embeddings": 65536}')
    (model / "model.safetensors").write_bytes(b"")
    (model / "chat_template.jinja").write_text(small.DATE_IN_FRONT + small.STRIPS)
    found = await backend(tmp_path, kind="mlx_lm", model=str(model))
    told = {check.detail: check.remedy for check in found if check.level is Level.WARNING}
    said = " ".join(told)
    assert "of the last tool loop again" in said
    assert "cold at midnight" in said
    assert all("--chat-template" in words or "take a model" in words for words in told.values())


async def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    (check,) = await backend(tmp_path, kind="mlx_lm", model="/no/such/model")
    assert check.level is Level.BROKEN
    assert "download" in check.remedy


async def test_a_python_without_mlx_lm(tmp_path: Path) -> None:
    (check,) = await backend(tmp_path, kind="mlx_lm", model=str(TINY_MODEL), python="/bin/false")
    assert check.level is Level.BROKEN
    assert "pip install" in check.remedy


async def test_a_server_that_answers_and_one_that_does_not(tmp_path: Path) -> None:
    async with serving(openai({"id": "m", "max_model_len": 65_536, "owned_by": "vllm"})) as fake:
        (check,) = await backend(tmp_path, kind="openai", url=fake.url)
        assert (check.level, "65,536" in check.detail) == (Level.OK, True)
        found = await backend(tmp_path, kind="openai", url=fake.url, model="other")
        assert "lists no 'other'" in found[1].detail
    (check,) = await backend(tmp_path, kind="openai", url=fake.url)
    assert check.level is Level.BROKEN
    assert "start the server" in check.remedy


async def test_a_context_that_is_too_small_or_not_told(tmp_path: Path) -> None:
    async with serving(openai({"id": "m", "max_model_len": 8192, "owned_by": "vllm"})) as fake:
        found = await backend(tmp_path, kind="openai", url=fake.url)
    assert found[1].level is Level.WARNING
    async with serving(openai({"id": "m"})) as fake:
        found = await backend(tmp_path, kind="openai", url=fake.url)
    assert "set context_window" in found[1].remedy


async def test_lm_studio_loaded_with_too_little(tmp_path: Path) -> None:
    async with serving(LmStudio(context=4096)) as fake:
        found = await backend(tmp_path, kind="lmstudio", url=fake.url)
        assert [check.level for check in found] == [Level.OK, Level.WARNING]
        assert not fake.bodies("POST /api/v1/models/load"), "the doctor loads nothing"
    async with serving(LmStudio()) as fake:
        (check,) = await backend(tmp_path, kind="lmstudio", url=fake.url)
        assert "none loaded" in check.detail


async def test_a_key_that_is_not_set(tmp_path: Path) -> None:
    async with serving(openai({"id": "m"})) as fake:
        (check,) = await backend(tmp_path, kind="openai", url=fake.url, api_key="env:NO_SUCH")
    assert check.level is Level.BROKEN
    assert "export NO_SUCH" in check.remedy


async def test_all_backends_are_asked_at_once(tmp_path: Path) -> None:
    async with serving(openai({"id": "m", "max_model_len": 65_536, "owned_by": "vllm"})) as fake:
        made = {str(n): BackendSettings(kind="openai", url=fake.url) for n in range(5)}
        async with asyncio.timeout(20):
            found = await backends.checks(Settings(backends=made), tmp_path)
    assert sum(check.group == backends.GROUP for check in found) == 5


# --- the words ------------------------------------------------------------------------------


def test_the_report_fits_its_width() -> None:
    found = [
        Check("One", "short", Level.OK, "words " * 30),
        Check("One", "a name that is longer than its column", Level.BROKEN, "bad", "mend " * 30),
    ]
    for width in (60, 80, 100):
        for signs in (SIGNS, ASCII_SIGNS):
            made = lines(found, width, colour=False, signs=signs)
            assert max(map(len, made)) <= width
    assert all(line.isascii() for line in lines(found, 80, colour=False, signs=ASCII_SIGNS))


async def test_what_is_found_where_the_settings_say(tmp_path: Path) -> None:
    """Other ports and folders of models, as on the first screen."""
    shutil.copytree(TINY_MODEL, tmp_path / "models" / "tiny")
    async with serving(openai({"id": "one", "owned_by": "vllm", "max_model_len": 40_960})) as fake:
        where = DiscoverySettings(
            ports=(int(fake.url.rpartition(":")[2]),), model_folders=(str(tmp_path / "models"),)
        )
        found = await backends.checks(Settings(discovery=where), tmp_path)
    lines = {one.name: one.detail for one in found}
    assert lines[f"vLLM at {fake.url.removeprefix('http://')}"].startswith("one, 40,960 tokens")
    assert "tiny" in lines
