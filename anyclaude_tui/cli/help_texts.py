"""The sentence that each command's --help begins with, and the example that it ends with."""

from __future__ import annotations

import argparse
import textwrap

from anyclaude_tui.cli.parsers import subparsers

_WIDTH = 78

HELP: dict[str, tuple[str, tuple[str, ...]]] = {
    "": (
        "Claude Code on local models, in one dashboard. Without a command the dashboard starts. "
        "Arguments after -- go to Claude Code.",
        ("", "--backend simulator:fast", "-- --continue", "help compare"),
    ),
    "run": (
        "Start the backend and the proxy, and Claude Code in this terminal, without the "
        "dashboard. The exit code is Claude Code's.",
        ("run -- -p 'What does this project do?'", "run --backend lmstudio -- --continue"),
    ),
    "serve": (
        "Start the backend and the proxy only. One JSON line on stdout has the URL and the token "
        "once they are ready; Ctrl+C ends it.",
        ("serve --backend simulator:fast --port 8765",),
    ),
    "config": (
        "Say where the settings are, what they are and whether they are right, or change them.",
        ("config check", "config set limits.retries 3", "config edit"),
    ),
    "config path": ("Print where config.toml is, or would be.", ("config path",)),
    "config show": ("Print the settings in force, keys hidden.", ("config show",)),
    "config check": (
        "Name every mistake in the settings, with its line, its key and what was probably meant. "
        "The exit code is 2 where there is one.",
        ("config check",),
    ),
    "config set": (
        "Change one setting in config.toml. The rest of the file stays as it is, comments too; "
        "nothing is written where the result would be wrong.",
        (
            "config set backend coder",
            "config set backends.coder.context_window 65536",
            "config set claude.args '--model opus'",
        ),
    ),
    "config unset": (
        "Take one setting, or a backend, out of config.toml: the default counts again.",
        ("config unset limits.retries",),
    ),
    "config edit": (
        "Open config.toml in $VISUAL, else $EDITOR, else vi, and check it afterwards. Where there "
        "is none, one with every setting in it is written first.",
        ("config edit",),
    ),
    "config init": (
        "Write a config.toml with every setting in it, each explained and commented out.",
        ("config init",),
    ),
    "config import": (
        "Turn an .anyclauderc.json of the predecessor into config.toml.",
        ("config import", "config import ~/.anyclauderc.json"),
    ),
    "config trust": (
        "Show what this folder's own settings would set, and trust them until they change.",
        ("config trust",),
    ),
    "config untrust": ("Trust this folder's own settings no more.", ("config untrust",)),
    "compare": (
        "Do the same work on several backends, and say which part of the slow one is slow.",
        ("compare simulator:fast simulator:slow", "compare coder studio --runs 5 --svg out.svg"),
    ),
    "requests": (
        "List the requests so far, show one with all that is known of it, or send one again.",
        ("requests", "requests show 3f9c2a", "requests replay 3f9c2a --backend simulator:fast"),
    ),
    "requests list": ("List the last requests, the newest last.", ("requests list -n 50",)),
    "requests show": ("Show all that is known of one request.", ("requests show 3f9c2a",)),
    "requests replay": (
        "Send a traced request again, to any backend, and print its figures beside those of then.",
        ("requests replay 3f9c2a --backend simulator:fast",),
    ),
    "doctor": (
        "Say what is installed, running or broken, and what to do about it.",
        ("doctor", "doctor --try --backend coder"),
    ),
    "template": (
        "Say what a model's chat template does with Claude Code's requests, and which form of "
        "them it therefore gets.",
        ("template ~/models/Qwen3-Coder-30B-A3B-Instruct-4bit", "template http://127.0.0.1:8080"),
    ),
    "cache": (
        "Say what is kept of prompts on disk, so that a start need not read them again; or remove "
        "all of it.",
        ("cache status", "cache clear"),
    ),
    "chat": (
        "Talk to the backend of a session, line by line, where there is no Claude Code.",
        ("chat",),
    ),
    "completions": (
        "Print completions for a shell.",
        (
            "completions bash > ~/.local/share/bash-completion/completions/anyclaude-tui",
            "completions zsh > ~/.zfunc/_anyclaude-tui",
            "completions fish > ~/.config/fish/completions/anyclaude-tui.fish",
        ),
    ),
    "simulate": (
        "Start the simulated model server as a process of its own. It prints its address.",
        ("simulate --profile slow --port 8099",),
    ),
}


def explain(parser: argparse.ArgumentParser, command: str = "") -> None:
    """Give a parser and those of its commands their sentence and their example."""
    sentence, examples = HELP.get(command, ("", ()))
    parser.description = textwrap.fill(sentence, _WIDTH)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    if examples:
        word = "example" if len(examples) == 1 else "examples"
        lines = (f"  anyclaude-tui {example}".rstrip() for example in examples)
        parser.epilog = "\n".join((f"{word}:", *lines))
    for name, _, sub in subparsers(parser):
        explain(sub, f"{command} {name}".strip())
