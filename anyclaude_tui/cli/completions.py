"""Completions for bash, zsh and fish, made of the command line's own parser.

`anyclaude-tui completions SHELL` prints the script; the script asks `completions backends` (or
`keys`, `ids`) for what the configuration and the journal hold, so that new ones are known at once.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from anyclaude_tui.cli.parsers import actions, subparsers

PROGRAM = "anyclaude-tui"
ASKED = ("backends", "keys", "ids")
"""The lists of names that the scripts ask for."""
SHELLS = ("bash", "zsh", "fish")
_BY_DEST = {"backend": "backends", "targets": "backends", "key": "keys", "id": "ids"}
_PATHS = ("FILE", "PATH|URL")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a command."""

    flags: tuple[str, ...]
    words: str
    value: str
    """The kind of value that follows it: empty for a switch, else one of ASKED, file or any."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command with what can follow it."""

    name: str
    """With the command that it belongs to: `requests show`; empty for the program itself."""
    words: str
    options: tuple[Option, ...]
    choices: tuple[tuple[str, str], ...]
    """Words that can follow: sub-commands or the choices of an argument, with their help."""
    rest: str
    """The kind of words that can follow else: one of ASKED, file, or empty."""


def commands(parser: argparse.ArgumentParser) -> list[Command]:
    """The program itself (its name is empty), and each of its commands, theirs included."""
    return list(_commands("", "", parser))


def asked(what: str) -> list[str]:
    """The backends that `--backend` takes by name, the keys of settings, or the last requests.

    Raises ConfigError.
    """
    from anyclaude_tui.config.kinds import KINDS
    from anyclaude_tui.config.loading import home, load

    if what == "ids":
        from anyclaude_tui.telemetry import journal

        last = islice(journal.read_back(home() / journal.FOLDER), 20)
        return [str(line.get("requestId", "")).removeprefix("req_")[:12] for line in last]
    if what == "keys":
        from anyclaude_tui.config.reference import sections

        named = [*load().backends]
        return [
            field.dotted.replace("NAME", name)
            for section in sections()
            for field in section.fields
            for name in (named if section.name == "backends.NAME" else [""])
            if field.kind != "tables"
        ]
    here = [row.name for row in KINDS.values() if row.started or row.in_memory]
    return [*load().backends, *(name for name in here if not KINDS[name].required)]


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """The completion script for a shell."""
    known = commands(parser)
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](known)


def _commands(name: str, words: str, parser: argparse.ArgumentParser) -> Iterator[Command]:
    yield _command(name, words, parser)
    for sub, help_, its in subparsers(parser):
        yield from _commands(f"{name} {sub}".strip(), help_, its)


def _command(name: str, words: str, parser: argparse.ArgumentParser) -> Command:
    options, rest = [], ""
    choices = [(sub, help_) for sub, help_, _ in subparsers(parser)]
    for action in actions(parser):
        if action.option_strings:
            flags = tuple(action.option_strings)
            options.append(Option(flags, _plain(action), _value(action)))
        elif action.choices:
            choices += [(str(choice), "") for choice in action.choices if choice not in ASKED]
        else:
            value = _value(action)
            rest = rest or ("" if value == "any" else value)
    return Command(name, words, tuple(options), tuple(choices), rest)


def _plain(action: argparse.Action) -> str:
    if action.help in (None, argparse.SUPPRESS):
        return "the same as --backend" if "--mode" in action.option_strings else ""
    words = str(action.help).split(" (default: %")[0]
    return words if len(words) < 70 else words[:67].rsplit(" ", 1)[0] + "…"


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    return _BY_DEST.get(action.dest) or ("file" if action.metavar in _PATHS else "any")


def _ask(what: str) -> str:
    return f"{PROGRAM} completions {what} 2>/dev/null"


# --- bash -----------------------------------------------------------------------------------


def _bash(known: Sequence[Command]) -> str:
    paths = "|".join(f'"{_before(command)} {_last(command)}"' for command in known[1:])
    lines = [
        "# bash completion for anyclaude-tui. For good: anyclaude-tui completions bash > \\",
        "#   ~/.local/share/bash-completion/completions/anyclaude-tui",
        "# For this shell: source <(anyclaude-tui completions bash)",
        "_anyclaude_tui() {",
        '    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=""',
        '    local word words=""',
        "    COMPREPLY=()",
        '    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        "        [[ $word == -- ]] && return",
        '        case "$command $word" in',
        f'            {paths}) command="${{command:+$command }}$word" ;;',
        "        esac",
        "    done",
        '    case "$command $previous" in',
        f'        *" --backend"|*" --mode") words="$({_ask("backends")})" ;;',
    ]
    for command in known:
        valued = [option for option in command.options if option.value in ("file", "any")]
        flags = [flag for option in valued for flag in option.flags]
        lines += [f'        "{command.name} {flag}") return ;;' for flag in flags]
    lines += ["        *)", '            case "$command" in']
    lines += [f'                "{one.name}") words="{_words(one)}" ;;' for one in known]
    lines += [
        "            esac ;;",
        "    esac",
        '    COMPREPLY=($(compgen -W "$words" -- "$cur"))',
        "}",
        f"complete -o default -F _anyclaude_tui {PROGRAM}",
    ]
    return "\n".join(lines) + "\n"


def _before(command: Command) -> str:
    return command.name.rpartition(" ")[0]


def _last(command: Command) -> str:
    return command.name.rpartition(" ")[2]


def _words(command: Command) -> str:
    flags = [flag for option in command.options for flag in option.flags]
    rest = [f"$({_ask(command.rest)})"] if command.rest in ASKED else []
    return " ".join([*(name for name, _ in command.choices), *rest, *flags])


# --- zsh ------------------------------------------------------------------------------------


def _zsh(known: Sequence[Command]) -> str:
    paths = "|".join(f'"{_before(command)} {_last(command)}"' for command in known[1:])
    lines = [
        f"#compdef {PROGRAM}",
        "# For good: anyclaude-tui completions zsh > ~/.zfunc/_anyclaude-tui, with",
        "#   fpath=(~/.zfunc $fpath); autoload -Uz compinit; compinit   in ~/.zshrc.",
        "# For this shell: source <(anyclaude-tui completions zsh)",
    ]
    for what in ASKED:
        lines += [
            f"_anyclaude_tui_{what}() {{",
            f'    local -a found; found=(${{(f)"$({_ask(what)})"}})',
            "    compadd -a found",
            "}",
        ]
    lines += [
        "_anyclaude_tui() {",
        '    local command="" word',
        "    for word in ${words[2,CURRENT-1]}; do",
        "        [[ $word == -- ]] && return",
        '        case "$command $word" in',
        f'            ({paths}) command="${{command:+$command }}$word" ;;',
        "        esac",
        "    done",
        "    case $command in",
    ]
    for command in known:
        specs = [spec for option in command.options for spec in _zsh_specs(option)]
        described = " ".join(
            f"{name}\\:{shlex.quote(_zsh_words(words))}" for name, words in command.choices
        )
        rest = {"": "", "file": "_files"}.get(command.rest, f"_anyclaude_tui_{command.rest}")
        if described or rest:
            specs.append(_quoted(f"*: :(({described}))" if described else f"*: :{rest}"))
        lines.append(f'        "{command.name}") _arguments {" ".join(specs)} ;;')
    lines += [
        "    esac",
        "}",
        "if [[ $funcstack[1] == _anyclaude-tui ]]; then",
        '    _anyclaude_tui "$@"',
        "else",
        "    (( $+functions[compdef] )) || { autoload -Uz compinit; compinit; }",
        f"    compdef _anyclaude_tui {PROGRAM}",
        "fi",
    ]
    return "\n".join(lines) + "\n"


def _zsh_words(words: str) -> str:
    return words.replace("[", "(").replace("]", ")").replace(":", "\\:")


def _zsh_specs(option: Option) -> list[str]:
    after = {"": "", "file": ":file:_files", "any": ": : "} | {
        what: f":{what}:_anyclaude_tui_{what}" for what in ASKED
    }
    words = _zsh_words(option.words)
    return [_quoted(f"{flag}[{words}]{after[option.value]}") for flag in option.flags]


def _quoted(words: str) -> str:
    return "'" + words.replace("'", "'\\''") + "'"


# --- fish -----------------------------------------------------------------------------------


def _fish(known: Sequence[Command]) -> str:
    lines = [
        "# fish completion for anyclaude-tui. For good: anyclaude-tui completions fish > \\",
        "#   ~/.config/fish/completions/anyclaude-tui.fish",
        f"complete -c {PROGRAM} -f",
    ]
    for command in known:
        inside = [f"__fish_seen_subcommand_from {part}" for part in command.name.split()]
        deeper = " ".join(name for name, _ in command.choices)
        if deeper:
            inside.append(f"not __fish_seen_subcommand_from {deeper}")
        condition = "; and ".join(inside)
        lines += [_fish_line(condition, f"-a {name}", words) for name, words in command.choices]
        if command.rest in ASKED:
            lines.append(_fish_line(condition, f"-a '({_ask(command.rest)})'", ""))
        elif command.rest == "file":
            lines.append(_fish_line(condition, "-F", ""))
        lines += _fish_options(condition, command)
    return "\n".join(lines) + "\n"


def _fish_options(condition: str, command: Command) -> list[str]:
    after = {"": "", "file": " -r -F", "any": " -x"} | {
        what: f" -x -a '({_ask(what)})'" for what in ASKED
    }
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
