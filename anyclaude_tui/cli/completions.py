"""Completions for bash, zsh and fish, made of the command line's own parser.

`anyclaude-tui completions SHELL` prints the script; the script asks `completions names` for
the backends, so that new ones of the configuration are known at once.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

PROGRAM = "anyclaude-tui"
NAMES = f"{PROGRAM} completions names 2>/dev/null"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a command."""

    flags: tuple[str, ...]
    words: str
    value: str
    """What follows it: empty for a switch, else backend, file or any."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command with what can follow it."""

    name: str
    words: str
    options: tuple[Option, ...]
    choices: tuple[tuple[str, str], ...]
    """Words that can follow: sub-commands or the choices of an argument, with their help."""
    backends: bool
    """Backends can follow."""


def commands(parser: argparse.ArgumentParser) -> list[Command]:
    """The program itself (its name is empty), and each of its commands."""
    own = _command("", "", parser)
    return [own, *(_command(n, words, sub) for n, words, sub in _subparsers(parser))]


def names() -> list[str]:
    """The backends that `--backend` takes by name. Raises ConfigError."""
    from anyclaude_tui.config.kinds import KINDS
    from anyclaude_tui.config.loading import load

    here = [row.name for row in KINDS.values() if row.started or row.in_memory]
    return [*load().backends, *(name for name in here if not KINDS[name].required)]


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """The completion script for a shell."""
    known = commands(parser)
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](known)


def _subparsers(
    parser: argparse.ArgumentParser,
) -> list[tuple[str, str, argparse.ArgumentParser]]:
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {one.dest: one.help or "" for one in action._choices_actions}
            found += [(name, helps.get(name, ""), sub) for name, sub in action.choices.items()]
    return found


def _command(name: str, words: str, parser: argparse.ArgumentParser) -> Command:
    options = []
    choices = [(sub, help_) for sub, help_, _ in _subparsers(parser)]
    for action in parser._actions:
        if action.option_strings:
            flags = tuple(action.option_strings)
            options.append(Option(flags, _plain(action), _value(action)))
        elif action.choices and not isinstance(action, argparse._SubParsersAction):
            choices += [(str(choice), "") for choice in action.choices]
    backends = any(action.dest == "targets" for action in parser._actions)
    return Command(name, words, tuple(options), tuple(choices), backends)


def _plain(action: argparse.Action) -> str:
    if action.help in (None, argparse.SUPPRESS):
        return "the same as --backend" if "--mode" in action.option_strings else ""
    words = str(action.help).split(" (default: %")[0]
    return words if len(words) < 70 else words[:67].rsplit(" ", 1)[0] + "…"


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if action.dest == "backend":
        return "backend"
    return "file" if action.metavar == "FILE" else "any"


# --- bash -----------------------------------------------------------------------------------


def _bash(known: Sequence[Command]) -> str:
    own, *subs = known
    lines = [
        "# bash completion for anyclaude-tui: anyclaude-tui completions bash",
        "_anyclaude_tui() {",
        '    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=""',
        '    local word words=""',
        "    COMPREPLY=()",
        '    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        "        [[ $word == -- ]] && return",
        '        case "$word" in',
        f"            {'|'.join(sub.name for sub in subs)}) [[ -z $command ]] && command=$word ;;",
        "        esac",
        "    done",
        '    case "$command $previous" in',
        f'        *" --backend"|*" --mode") words="$({NAMES})" ;;',
    ]
    for command in known:
        valued = [option for option in command.options if option.value in ("file", "any")]
        flags = [flag for option in valued for flag in option.flags]
        lines += [f'        "{command.name} {flag}") return ;;' for flag in flags]
    lines += ["        *)", '            case "$command" in']
    for command in subs:
        lines.append(f'                {command.name}) words="{_words(command)}" ;;')
    lines += [
        f'                *) words="{_words(own)}" ;;',
        "            esac ;;",
        "    esac",
        '    COMPREPLY=($(compgen -W "$words" -- "$cur"))',
        "}",
        f"complete -o default -F _anyclaude_tui {PROGRAM}",
    ]
    return "\n".join(lines) + "\n"


def _words(command: Command) -> str:
    flags = [flag for option in command.options for flag in option.flags]
    backends = [f"$({NAMES})"] if command.backends else []
    return " ".join([*(name for name, _ in command.choices), *backends, *flags])


# --- zsh ------------------------------------------------------------------------------------


def _zsh(known: Sequence[Command]) -> str:
    own, *subs = known
    lines = [
        f"#compdef {PROGRAM}",
        "_anyclaude_tui_backends() {",
        f'    local -a names; names=(${{(f)"$({NAMES})"}})',
        "    compadd -a names",
        "}",
        "_anyclaude_tui() {",
        "    local -a commands; local state line",
        "    commands=(",
        *(f"        {_quoted(f'{sub.name}:{sub.words}')}" for sub in subs),
        "    )",
        "    _arguments -C \\",
        *(f"        {spec} \\" for option in own.options for spec in _zsh_specs(option)),
        "        '1: :->command' '*:: :->rest'",
        "    case $state in",
        "        command) _describe command commands ;;",
        "        rest)",
        "            case $words[1] in",
    ]
    for command in subs:
        specs = [spec for option in command.options for spec in _zsh_specs(option)]
        if command.choices:
            choices = " ".join(name for name, _ in command.choices)
            specs.append(_quoted(f"1: :({choices})"))
        rest = "_anyclaude_tui_backends" if command.backends else "_files"
        specs.append(f"'*: :{rest}'")
        lines.append(f"                {command.name}) _arguments {' '.join(specs)} ;;")
    lines += ["            esac ;;", "    esac", "}", '_anyclaude_tui "$@"']
    return "\n".join(lines) + "\n"


def _zsh_specs(option: Option) -> list[str]:
    words = option.words.replace("[", "(").replace("]", ")").replace(":", "\\:")
    after = {
        "": "",
        "backend": ":backend:_anyclaude_tui_backends",
        "file": ":file:_files",
        "any": ": : ",
    }[option.value]
    return [_quoted(f"{flag}[{words}]{after}") for flag in option.flags]


def _quoted(words: str) -> str:
    return "'" + words.replace("'", "'\\''") + "'"


# --- fish -----------------------------------------------------------------------------------


def _fish(known: Sequence[Command]) -> str:
    own, *subs = known
    none = " ".join(sub.name for sub in subs)
    alone = f"not __fish_seen_subcommand_from {none}"
    lines = [f"# fish completion: {PROGRAM} completions fish", f"complete -c {PROGRAM} -f"]
    lines += [_fish_line(alone, f"-a {sub.name}", sub.words) for sub in subs]
    lines += _fish_options(alone, own)
    for sub in subs:
        seen = f"__fish_seen_subcommand_from {sub.name}"
        lines += [_fish_line(seen, f"-a {name}", words) for name, words in sub.choices]
        lines += [_fish_line(seen, f"-a '({NAMES})'", "")] if sub.backends else []
        lines += _fish_options(seen, sub)
    return "\n".join(lines) + "\n"


def _fish_options(condition: str, command: Command) -> list[str]:
    after = {"": "", "backend": f" -x -a '({NAMES})'", "file": " -r -F", "any": " -x"}
    lines = []
    for option in command.options:
        flags = " ".join(
            f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags
        )
        lines.append(_fish_line(condition, flags + after[option.value], option.words))
    return lines


def _fish_line(condition: str, what: str, words: str) -> str:
    described = f" -d {shlex.quote(words)}" if words else ""
    return f"complete -c {PROGRAM} -n {shlex.quote(condition)} {what}{described}"
