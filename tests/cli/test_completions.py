"""Completions know every command and option, because they are made of the parser."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from anyclaude_tui.cli.completions import commands, script
from anyclaude_tui.cli.main import full_parser
from tests.support.programs import sh_program

SHELLS = ("bash", "zsh", "fish")


def completed(tmp_path: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    program = tmp_path / "bin" / "anyclaude-tui"
    program.parent.mkdir(exist_ok=True)
    sh_program(program, f'exec {shlex.quote(sys.executable)} -m anyclaude_tui "$@"')
    ours = tmp_path / ".anyclaude"
    ours.mkdir(exist_ok=True)
    (ours / "config.toml").write_text('[backends.coder]\nkind = "simulator"\n')
    journal = ours / "request-logs"
    journal.mkdir(exist_ok=True)
    (journal / "2026-01-01.jsonl").write_text('{"requestId": "req_3f9c2a"}\n')
    line = " ".join(f"'{word}'" for word in ("anyclaude-tui", *words))
    code = (
        f"{script('bash', full_parser())}\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}\n"
        '_anyclaude_tui; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    env = {"PATH": f"{program.parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(
        ["bash", "--norc", "-c", code], env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("do",), ["doctor"]),
        (("--ext",), ["--external"]),
        (("doctor", "--j"), ["--json"]),
        (("config", "im"), ["import"]),
        (("config", "set", "limits.retr"), ["limits.retries"]),
        (("config", "unset", "backends.coder.mod"), ["backends.coder.model"]),
        (("requests", "show", "3f"), ["3f9c2a"]),
        (("requests", "re"), ["replay"]),
        (("--backend", "c"), ["coder"]),
        (("run", "--mode", ""), ["coder", "simulator", "lmstudio"]),
        (("compare", "co"), ["coder"]),
        (("serve", "--port", ""), []),
        (("run", "--", "-"), []),
    ],
)
def test_bash(tmp_path: Path, words: tuple[str, ...], expected: list[str]) -> None:
    assert completed(tmp_path, *words) == expected


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_option_is_known(shell: str) -> None:
    made = script(shell, full_parser())
    known = commands(full_parser())
    assert {"run", "serve", "compare", "doctor", "config"} <= {one.name for one in known}
    for command in known:
        assert all(part in made for part in command.name.split())
        for option in command.options:
            for flag in option.flags:
                name = flag.lstrip("-") if shell == "fish" else flag
                assert name in made, (command.name, flag)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_can_read_it(tmp_path: Path, shell: str) -> None:
    """Where the shell is installed; bash always is."""
    path = tmp_path / "script"
    path.write_text(script(shell, full_parser()))
    program = shutil.which(shell)
    assert program is not None or shell != "bash"
    if program is not None:
        flag = "--no-execute" if shell == "fish" else "-n"
        subprocess.run([program, flag, str(path)], check=True)


def test_zsh_knows_it_once_it_is_sourced(tmp_path: Path) -> None:
    """Where zsh is installed; without compinit in ~/.zshrc too."""
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("no zsh here")
    path = tmp_path / "script"
    path.write_text(script("zsh", full_parser()))
    for before in ("", "autoload -Uz compinit; compinit -u -D; "):
        code = f"{before}source {shlex.quote(str(path))}; print $_comps[anyclaude-tui]"
        env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        done = subprocess.run([zsh, "-fc", code], env=env, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("_anyclaude_tui\n", "")


def test_the_command_prints_it() -> None:
    command = [sys.executable, "-m", "anyclaude_tui", "completions", "fish"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == script("fish", full_parser())
