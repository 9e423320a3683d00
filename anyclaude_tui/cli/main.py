"""The command line: one function per sub-command, nothing heavy imported before it is needed.

Exit codes: 0 done, 1 failed, 2 wrong usage. Errors say what to do next; tracebacks only
with ANYCLAUDE_DEBUG ≥ 1.
"""

from __future__ import annotations

import argparse
import io
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from errno import EACCES, EEXIST, ENOSPC, ENOTDIR, EPERM, EROFS
from pathlib import Path

from anyclaude_tui.cli.failure import Failed
from anyclaude_tui.cli.help_texts import explain
from anyclaude_tui.cli.parsers import actions
from anyclaude_tui.printable import printable
from anyclaude_tui.redaction import clean

SIGPIPE_CODE = 128 + 13
"""The exit code that a shell shows for a program that a closed pipe has ended."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line. Returns the exit code; prints errors to stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a locale without our signs is no reason to fail
            stream.reconfigure(errors="replace")
    try:
        try:
            return _main(argv)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # who reads our output has enough, as in `… | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return SIGPIPE_CODE


def _main(argv: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if argv is None else argv)
    own, claude_args = _split(given)
    if own[:1] == ["help"]:
        own = [*own[1:], "--help"]
    parser = _parser(own)
    if _is_foreign(own, parser):
        parser.error(_hint(own, own, parser))
    options, unknown = parser.parse_known_args(own)
    if unknown:
        parser.error(
            _hint(own, unknown, parser)
            if options.command in (None, "run")
            else f"{options.command} knows no {unknown[0]}: `anyclaude-tui help {options.command}`"
        )
    options.claude_args = claude_args
    if claude_args and options.command not in (None, "run"):
        parser.error(f"arguments after -- go to Claude Code; {options.command} does not start it")
    try:
        code = options.work(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        raise
    except Exception as error:
        failed = _as_failed(error)
        if _debug():
            traceback.print_exc()
        print(f"anyclaude-tui: {printable(clean(str(failed)), lines=True)}", file=sys.stderr)
        return failed.code
    assert isinstance(code, int)
    return code


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and Claude Code's after `--`."""
    if "--" not in argv:
        return argv, []
    at = argv.index("--")
    return argv[:at], argv[at + 1 :]


def _is_foreign(own: list[str], parser: argparse.ArgumentParser) -> bool:
    """The command line begins with an option that is none of ours: what follows it would be
    taken for a command."""
    option = own[0].partition("=")[0] if own else ""
    ours = {flag for action in actions(parser) for flag in action.option_strings}
    return option.startswith("-") and not any(flag.startswith(option) for flag in ours)


def _hint(own: list[str], claudes: list[str], parser: argparse.ArgumentParser) -> str:
    """The probable meaning: our option, else the command line with Claude Code's behind --."""
    shown = [action for action in actions(parser) if action.help != argparse.SUPPRESS]
    flags = [flag for action in shown for flag in action.option_strings]
    if close := get_close_matches(claudes[0].partition("=")[0], flags, n=1, cutoff=0.8):
        return f"{claudes[0]} is not an option: did you mean {close[0]}?"
    left = list(own)
    for word in claudes:
        left.remove(word)
    right = " ".join(("anyclaude-tui", *left, "--", *map(shlex.quote, claudes)))
    return f"{claudes[0]} is not an option of ours. Claude Code's stand behind --: {right}"


def _debug() -> bool:
    return os.environ.get("ANYCLAUDE_DEBUG", "0") not in ("", "0")


def _as_failed(error: Exception) -> Failed:
    """The error in words, with what to do next."""
    from anyclaude_tui.backends.base import BackendError
    from anyclaude_tui.claude_code.launch import ClaudeMissing
    from anyclaude_tui.config.mistakes import ConfigError

    if isinstance(error, Failed):
        return error
    if isinstance(error, ConfigError):
        return Failed(str(error), 2)
    if isinstance(error, BackendError | ClaudeMissing):
        return Failed(str(error))
    if isinstance(error, OSError):
        return Failed(_words(error))
    return Failed(f"a fault of anyclaude-tui itself: {error!r}. ANYCLAUDE_DEBUG=1 shows where.")


def _words(error: OSError) -> str:
    """The error in words, with the advice where it is our own folder."""
    from anyclaude_tui.config.loading import home

    words = error.strerror or str(error)
    if not error.filename:
        return words
    words += f": {error.filename}"
    ours, where = home(), Path(str(error.filename))
    cannot = (EACCES, EPERM, EROFS, ENOTDIR, EEXIST, ENOSPC)
    if error.errno in cannot and (where.is_relative_to(ours) or ours.is_relative_to(where)):
        words += ". Free some space or make it writable, or set ANYCLAUDE_HOME to another folder"
    return words


def full_parser() -> argparse.ArgumentParser:
    """The parser with the arguments of every command."""
    return _parser(("config", "compare", "requests", "doctor", "template", "cache"))


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """The parser; the arguments of a heavy command are only there when it is named."""
    parser = argparse.ArgumentParser(
        prog="anyclaude-tui",
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="versions, also of what matters, and exit"
    )
    _backend_option(parser)
    parser.add_argument(
        "--external",
        action="store_true",
        help="no pane: Claude Code runs in a terminal of yours; the dashboard shows the command",
    )
    parser.set_defaults(work=_dashboard)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    run = commands.add_parser(
        "run", help="no dashboard: backend and proxy up, claude in this terminal, its exit code"
    )
    _backend_option(run)
    run.set_defaults(work=_run)

    serve = commands.add_parser("serve", help="backend and proxy only; one JSON line when ready")
    _backend_option(serve)
    serve.add_argument("--port", type=_port, help="port of the proxy (default: a free one)")
    serve.add_argument(
        "--token",
        help="the session's token (default: a random one); `ps` shows it to others, but not "
        "$ANYCLAUDE_TOKEN or [proxy] token in config.toml",
    )
    serve.set_defaults(work=_serve)

    config = commands.add_parser(
        "config", help="where the settings are, what they are, whether they are right; changes"
    )
    if "config" in given:
        from anyclaude_tui.cli import config as config_command

        config_command.add_arguments(config)
    config.set_defaults(work=_config)

    compare = commands.add_parser(
        "compare", help="the same work on several backends, and what makes the slow one slow"
    )
    if "compare" in given:
        from anyclaude_tui.cli import compare as compare_command

        compare_command.add_arguments(compare)
    compare.set_defaults(work=_compare)

    requests = commands.add_parser("requests", help="the requests so far: list, show, replay")
    if "requests" in given:
        from anyclaude_tui.cli import requests as requests_command

        requests_command.add_arguments(requests)
    requests.set_defaults(work=_requests)

    doctor = commands.add_parser(
        "doctor", help="what is installed, running or broken, and what to do about it"
    )
    _backend_option(doctor)
    if "doctor" in given:
        from anyclaude_tui.doctor import report as doctor_command

        doctor_command.add_arguments(doctor)
    doctor.set_defaults(work=_doctor)

    template = commands.add_parser(
        "template", help="what a model's chat template does with Claude Code's requests"
    )
    if "template" in given:
        from anyclaude_tui.cli import template as template_command

        template_command.add_arguments(template)
    template.set_defaults(work=_template)

    cache = commands.add_parser("cache", help="what is kept of prompts on disk: status, clear")
    if "cache" in given:
        from anyclaude_tui.cli import cache as cache_command

        cache_command.add_arguments(cache)
    cache.set_defaults(work=_cache)

    chat = commands.add_parser("chat", help="a small line client, where there is no Claude Code")
    chat.set_defaults(work=_chat)

    completions = commands.add_parser("completions", help="completions for bash, zsh or fish")
    completions.add_argument(
        "shell",
        choices=("bash", "zsh", "fish", "backends", "keys", "ids"),
        help="a shell; the scripts themselves ask for backends, keys and ids",
    )
    completions.set_defaults(work=_completions)

    simulate = commands.add_parser("simulate", help="the simulated model server, as a process")
    simulate.add_argument("--port", type=_port, default=0)
    simulate.add_argument("--profile", default="fast", help="fast or slow")
    simulate.set_defaults(work=_simulate)
    explain(parser)
    return parser


class _Version(argparse.Action):
    """The action of `--version`: print the versions that a report of a fault begins with."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from anyclaude_tui.doctor.versions import lines

        print("\n".join(lines()))
        parser.exit()


def _backend_option(parser: argparse.ArgumentParser) -> None:
    from anyclaude_tui.config.kinds import KINDS

    kinds = ", ".join(row.spec for row in KINDS.values())
    for flag in ("--backend", "--mode"):
        parser.add_argument(
            flag,
            dest="backend",
            metavar="NAME",
            default=argparse.SUPPRESS,
            help=f"a configured name, or KIND[:REST]: {kinds}"
            if flag == "--backend"
            else argparse.SUPPRESS,
        )


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: use 0 to 65535")
    return port


def _dashboard(options: argparse.Namespace) -> int:
    if "TEXTUAL_DRIVER" not in os.environ:  # set by textual-serve: a browser is the terminal
        _must_be_drawable()
    from anyclaude_tui.app import run_dashboard
    from anyclaude_tui.cli.running_session import start_session_thread

    loaded, thread = start_session_thread(options)
    try:
        unchosen = loaded.settings.backend is None and not hasattr(options, "backend")
        return run_dashboard(
            thread,
            loaded,
            options.external,
            first_run=unchosen,
            backend_given=hasattr(options, "backend"),
        )
    finally:
        thread.stop()


def _must_be_drawable() -> None:
    """Raises Failed where there is no terminal that the dashboard can be drawn on."""
    # Textual draws on stderr, so that must be the terminal too.
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise Failed(
            "the dashboard needs a terminal on stdin, stdout and stderr; "
            "use `anyclaude-tui run` or `anyclaude-tui serve`",
            2,
        )
    if os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        raise Failed(
            f"the dashboard cannot draw with TERM={os.environ.get('TERM', '')!r}: set it to what "
            "your terminal is (xterm-256color for most), or use `anyclaude-tui run`",
            2,
        )
    from anyclaude_tui.terminal.window_sizes import MIN_HEIGHT, MIN_WIDTH

    size = os.get_terminal_size()
    if size.columns < MIN_WIDTH or size.lines < MIN_HEIGHT:
        raise Failed(
            f"this window has {size.columns}×{size.lines} cells, the dashboard needs at least "
            f"{MIN_WIDTH}×{MIN_HEIGHT}: enlarge it, or use `anyclaude-tui run`"
        )


def _run(options: argparse.Namespace) -> int:
    from anyclaude_tui.cli.run import run_claude

    return run_claude(options)


def _serve(options: argparse.Namespace) -> int:
    from anyclaude_tui.cli.serve import serve

    return serve(options)


def _config(options: argparse.Namespace) -> int:
    from anyclaude_tui.cli.config import config

    return config(options)


def _compare(options: argparse.Namespace) -> int:
    from anyclaude_tui.cli.compare import compare

    return compare(options)


def _requests(options: argparse.Namespace) -> int:
    from anyclaude_tui.cli.requests import run

    return run(options)


def _doctor(options: argparse.Namespace) -> int:
    from anyclaude_tui.doctor.report import doctor

    return doctor(options)


def _cache(options: argparse.Namespace) -> int:
    from anyclaude_tui.cli.cache import run

    return run(options)


def _template(options: argparse.Namespace) -> int:
    from anyclaude_tui.cli.template import run

    return run(options)


def _chat(options: argparse.Namespace) -> int:
    from anyclaude_tui.cli.chat import run

    return run()


def _completions(options: argparse.Namespace) -> int:
    from anyclaude_tui.cli import completions

    if options.shell in completions.ASKED:
        print("\n".join(completions.asked(options.shell)))
    else:
        print(completions.script(options.shell, full_parser()), end="")
    return 0


def _simulate(options: argparse.Namespace) -> int:
    from anyclaude_tui.backends.simulator.server import run

    return run(options.port, options.profile)
