"""How Claude Code is launched: nothing of the user's own leads it past the proxy."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from anyclaude_tui.claude_code import version
from anyclaude_tui.claude_code.launch import launch, session_env
from anyclaude_tui.config.settings import ClaudeSettings
from tests.terminal.fake_server import fake_server
from tests.terminal.recordings import CLAUDE

TOKEN = "the-token"
ELSEWHERE = {"env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9", "ANTHROPIC_AUTH_TOKEN": "old"}}


def environment(home: Path) -> dict[str, str]:
    program = home / "bin" / "claude"
    program.parent.mkdir(exist_ok=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return {"PATH": str(program.parent), "HOME": str(home), "ANYCLAUDE_HOME": str(home / "ours")}


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def settings_of(argv: tuple[str, ...]) -> dict[str, Any]:
    """What stands in the file that `--settings` names."""
    found: dict[str, Any] = json.loads(Path(argv[argv.index("--settings") + 1]).read_text())
    return found


MANUAL = {"permissions": {"disableAutoMode": "disable"}}


def test_it_starts_in_manual_mode(tmp_path: Path) -> None:
    env = environment(tmp_path)
    write(tmp_path / ".claude" / "settings.json", {"env": {"MINE": "1"}})
    made = launch(ClaudeSettings(), session_env("http://u", TOKEN, "m", 1), ("-p",), env=env)
    assert made.argv[-1] == "-p"
    assert settings_of(made.argv) == MANUAL


@pytest.mark.parametrize(
    "args",
    [
        ("--permission-mode", "plan"),
        ("--permission-mode=auto",),
        ("--dangerously-skip-permissions",),
        ("--settings", '{"permissions": {"defaultMode": "auto"}}'),
    ],
)
def test_a_mode_that_the_user_gave_stays(tmp_path: Path, args: tuple[str, ...]) -> None:
    env = environment(tmp_path)
    made = launch(ClaudeSettings(), session_env("http://u", TOKEN, "m", 1), args, env=env)
    assert made.argv[1:] == args


def test_a_mode_in_the_users_settings_stays(tmp_path: Path) -> None:
    env = environment(tmp_path)
    write(tmp_path / ".claude" / "settings.json", {"permissions": {"defaultMode": "acceptEdits"}})
    made = launch(ClaudeSettings(), session_env("http://u", TOKEN, "m", 1), ("-p",), env=env)
    assert made.argv[1:] == ("-p",)


def test_auto_mode_stays_where_anthropic_serves(tmp_path: Path) -> None:
    env, session = environment(tmp_path), session_env("http://u", TOKEN, "m", 1)
    made = launch(ClaudeSettings(), session, ("-p",), env=env, auto_mode=True)
    assert made.argv[1:] == ("-p",)


def test_the_picker_is_a_setting(tmp_path: Path) -> None:
    env, session = environment(tmp_path), session_env("http://u", TOKEN, "m", 1)
    rows = {"options": [{"model": "m"}]}
    made = launch(ClaudeSettings(), session, (), env=env, picker=rows)
    assert settings_of(made.argv) == {**MANUAL, "modelPicker": rows}


@pytest.mark.parametrize("place", ["home", "project"])
def test_settings_that_lead_elsewhere_are_overruled(tmp_path: Path, place: str) -> None:
    env, project = environment(tmp_path), tmp_path / "project"
    folder = tmp_path if place == "home" else project
    write(folder / ".claude" / "settings.json", ELSEWHERE)
    session = session_env("http://u", TOKEN, "m", 1)
    made = launch(ClaudeSettings(), session, ("-p",), cwd=str(project), env=env)
    option, path, rest = made.argv[1:]
    assert (option, rest) == ("--settings", "-p")
    assert TOKEN not in " ".join(made.argv)
    wanted = {"ANTHROPIC_BASE_URL": "http://u", "ANTHROPIC_AUTH_TOKEN": TOKEN}
    assert json.loads(Path(path).read_text()) == {"env": wanted, **MANUAL}
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_the_users_own_settings_option_is_left_alone(tmp_path: Path) -> None:
    env = environment(tmp_path)
    write(tmp_path / ".claude" / "settings.json", ELSEWHERE)
    args = ("--settings", "mine.json")
    made = launch(ClaudeSettings(), session_env("http://u", TOKEN, "m", 1), args, env=env)
    assert made.argv[1:] == ("--permission-mode", "default", *args)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://p"}, "127.0.0.1,localhost,::1"),
        ({"all_proxy": "socks5://p", "no_proxy": "a, localhost"}, "a,localhost,127.0.0.1,::1"),
    ],
)
def test_an_http_proxy_never_gets_the_token(
    tmp_path: Path, given: dict[str, str], expected: str | None
) -> None:
    env = {**environment(tmp_path), **given}
    made = launch(ClaudeSettings(), session_env("http://u", TOKEN, "m", 1), (), env=env)
    assert made.env.get("NO_PROXY") == expected
    assert (expected is not None) == ("NO_PROXY" in dict(made.settings))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("share/claude/versions/2.1.329", "2.1.329"),
        ("node_modules/@anthropic-ai/claude-code/bin/claude.exe", "2.1.300"),
        ("bin/claude", None),
    ],
)
def test_the_version_is_read_from_the_installation(
    tmp_path: Path, path: str, expected: str | None
) -> None:
    program, link = tmp_path / path, tmp_path / "claude"
    program.parent.mkdir(parents=True)
    program.write_text("")
    if "node_modules" in path:
        package = {"name": "@anthropic-ai/claude-code", "version": "2.1.300"}
        write(program.parents[1] / "package.json", package)
    link.symlink_to(program)
    assert version.read(str(link)) == expected


@pytest.mark.parametrize("place", [".local/bin/claude", ".claude/local/claude"])
def test_it_is_found_where_its_installers_put_it(tmp_path: Path, place: str) -> None:
    env = {"PATH": str(tmp_path / "empty"), "HOME": str(tmp_path)}
    assert version.installed(env) is None
    program = tmp_path / place
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    assert version.installed(env) is None  # cannot be run
    program.chmod(0o755)
    assert version.installed(env) == str(program)
    assert version.installed(environment(tmp_path)) == str(tmp_path / "bin" / "claude")


@pytest.mark.e2e
async def test_the_real_one_comes_to_us_all_the_same(tmp_path: Path) -> None:
    """With another proxy's address in its own settings, and an HTTP proxy in the environment."""
    write(tmp_path / ".claude" / "settings.json", ELSEWHERE)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "ANYCLAUDE_HOME": str(tmp_path / "ours"),
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    settings = ClaudeSettings(command=str(CLAUDE))
    async with fake_server() as url:
        session = session_env(url, TOKEN, "m", 131_072)
        made = launch(settings, session, ("-p", "hi"), cwd=str(tmp_path), env=env)
        process = await asyncio.create_subprocess_exec(
            *made.argv, env=made.env, cwd=made.cwd,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert b"Hello from the fake server" in output


def test_a_cloud_that_the_user_works_with_otherwise_is_turned_off(tmp_path: Path) -> None:
    """With CLAUDE_CODE_USE_BEDROCK the base URL does not count: all would go to AWS."""
    env = environment(tmp_path) | {"CLAUDE_CODE_USE_BEDROCK": "1", "ANTHROPIC_UNIX_SOCKET": "/s"}
    made = launch(ClaudeSettings(), session_env("http://u", TOKEN, "m", 1), (), env=env)
    assert made.env["CLAUDE_CODE_USE_BEDROCK"] == "0"
    assert made.env["ANTHROPIC_UNIX_SOCKET"] == ""
    assert dict(made.settings)["CLAUDE_CODE_USE_BEDROCK"] == "0"
    assert "CLAUDE_CODE_USE_VERTEX" not in made.env
    own = ClaudeSettings(env={"CLAUDE_CODE_USE_BEDROCK": "1"})
    assert launch(own, {}, (), env=env).env["CLAUDE_CODE_USE_BEDROCK"] == "1"


def test_a_cloud_in_a_settings_file_is_turned_off(tmp_path: Path) -> None:
    env = environment(tmp_path)
    write(tmp_path / ".claude" / "settings.json", {"env": {"CLAUDE_CODE_USE_VERTEX": "1"}})
    made = launch(ClaudeSettings(), session_env("http://u", TOKEN, "m", 1), (), env=env)
    path = made.argv[made.argv.index("--settings") + 1]
    assert json.loads(Path(path).read_text()) == {
        "env": {"CLAUDE_CODE_USE_VERTEX": "0"},
        **MANUAL,
    }


def test_without_a_model_of_the_backends_claude_code_asks_for_its_own() -> None:
    named = session_env("http://u", TOKEN, "org/model", None)
    assert (named["ANTHROPIC_MODEL"], named["CLAUDE_CODE_SUBAGENT_MODEL"]) == ("model", "model")
    untold = session_env("http://u", TOKEN, None, None)
    assert not {name for name in untold if "MODEL" in name}
