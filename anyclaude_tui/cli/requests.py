"""`anyclaude-tui requests [list | show ID | replay ID --backend NAME]`.

The journal and the traces on the command line: the same numbers as on the screens, without
the dashboard.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from anyclaude_tui import config as configuration
from anyclaude_tui import figures
from anyclaude_tui.cli import settings as command_settings
from anyclaude_tui.cli.failure import Failed
from anyclaude_tui.printable import printable
from anyclaude_tui.tables import table
from anyclaude_tui.telemetry import journal, request_filter, traces
from anyclaude_tui.telemetry.earlier import view_of
from anyclaude_tui.telemetry.events import Role

LISTED = 20

_HOW_TO_TRACE = (
    "set ANYCLAUDE_DEBUG=3 (or debug = 3 under [logs]) and make the request again: then each "
    "request is kept whole"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="the last requests (what is done without ACTION)")
    for target in (parser, listing):
        target.add_argument(
            "-n",
            "--lines",
            type=int,
            default=LISTED if target is parser else argparse.SUPPRESS,
            metavar="N",
            help=f"how many (default {LISTED})",
        )
    listing.add_argument(
        "filter", nargs="*", metavar="TERM",
        help=f"only those that fit, as on the requests screen: {request_filter.EXAMPLE}; put -- "
        "before the first term if one begins with -",
    )  # fmt: skip
    listing.add_argument("--since", metavar="TIME", help="90min, 2h, 3d, or a day: 2026-11-30")
    listing.add_argument("--json", action="store_true", help="the journal's lines, the newest last")
    show = actions.add_parser("show", help="all that is known of one request")
    replay = actions.add_parser("replay", help="send a traced request again, to any backend")
    for target in (show, replay):
        target.add_argument("id", metavar="ID", help="as `requests list` shows it, or its end")
    replay.add_argument(
        "--backend", "--mode", dest="backend", metavar="NAME", default=argparse.SUPPRESS,
        help="where to send it: a configured name, or KIND[:REST]",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Do it. Returns the exit code; raises Failed, ConfigError or BackendError."""
    home = configuration.home()
    if options.action == "show":
        print(printable(show(home, options.id), lines=True))
    elif options.action == "replay":
        return asyncio.run(replay_command(home, options))
    else:
        print(printable(listing(home, options.lines, Asked.of(options)), lines=True))
    return 0


# --- list -------------------------------------------------------------------------------------

_Cell = Callable[[dict[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Asked:
    """The choice of requests, and the form in which they are written."""

    wanted: request_filter.Filter = field(default_factory=request_filter.Filter)
    since: float = 0.0
    """Unix time."""
    as_json: bool = False

    @classmethod
    def of(cls, options: argparse.Namespace) -> Asked:
        """The choice that the command line makes. Raises Failed where that cannot be understood."""
        wanted = request_filter.parse(" ".join(getattr(options, "filter", ())))
        if wanted.problem:
            raise Failed(wanted.problem, 2)
        words = getattr(options, "since", None)
        try:
            since = request_filter.moment(words, time.time()) if words else 0.0
        except ValueError as error:
            raise Failed(f"--since {error}", 2) from None
        return cls(wanted, since, bool(getattr(options, "json", False)))

    def lines(self, home: Path) -> Iterator[dict[str, Any]]:
        """The journal's lines that fit, the newest first."""
        for line in journal.read_back(home / journal.FOLDER):
            view = view_of(line)
            if view is None or not _is_asked(line):
                continue
            if view.accepted_wall < self.since:
                return
            if self.wanted(view):
                yield line


ALL = Asked()


def listing(home: Path, count: int, asked: Asked = ALL) -> str:
    """A table of the last requests, the newest last. Raises Failed when there are none."""
    lines = list(islice(asked.lines(home), max(1, count)))
    if not lines and (asked.wanted.tests or asked.since):
        raise Failed("no request fits")
    if asked.as_json and lines:
        return "\n".join(msgspec.json.encode(line).decode() for line in reversed(lines))
    if not lines:
        raise Failed(
            f"no requests in {home / journal.FOLDER} yet: start `anyclaude-tui` and ask Claude "
            "Code something (and see that requests = true under [logs])"
        )
    rows = [[cell(line) for _, _, cell in _COLUMNS] for line in reversed(lines)]
    heads, right = [name for name, _, _ in _COLUMNS], [right for _, right, _ in _COLUMNS]
    return table(rows, heads=heads, right=right)


def _is_asked(line: dict[str, Any]) -> bool:
    """True for a request that a client made: a prompt that was read ahead is no request."""
    return line.get("role") != Role.WARMING


def _ending(line: dict[str, Any]) -> str:
    outcome, cut = line.get("outcome"), line.get("truncation")
    return f"{outcome} ({cut})" if cut else str(outcome or "?")


_COLUMNS: tuple[tuple[str, bool, _Cell], ...] = (
    ("time", False, lambda line: _local(line.get("timestamp"))),
    ("id", False, lambda line: _short(line.get("requestId"))),
    ("backend", False, lambda line: str(line.get("provider") or "–")[:24]),
    ("role", False, lambda line: str(line.get("role") or "–")),
    ("prompt", True, lambda line: _number(line, "promptTokens")),
    ("cached", True, lambda line: _number(line, "cachedTokens")),
    ("output", True, lambda line: _number(line, "outputTokens")),
    ("TTFT", True, lambda line: _seconds(line.get("ttftMs"))),
    ("tok/s", True, lambda line: _number(line, "tokensPerSecond")),
    ("total", True, lambda line: _seconds(line.get("totalMs"))),
    ("ended", False, _ending),
)


# --- show -------------------------------------------------------------------------------------

_HIDDEN = frozenset(
    {
        *("timestamp", "requestId", "sources", "prefix", "notices", "why"),
        *("sampling", "samplingFrom", "leftOutTools"),
    }
)
_FIGURES = ("Ms", "Bytes", "Size", "Percent", "Tokens", "PerSecond", "Count")
_UNITS = (("Ms", " ms"), ("Bytes", " bytes"), ("Size", " bytes"), ("Percent", " %"))


def show(home: Path, request_id: str) -> str:
    """All that is known of one request. Raises Failed when there is no such request."""
    line, path = _find(home, request_id)
    out = [f"{line.get('requestId')}   {_local(line.get('timestamp'), day=True)}"]
    if line.get("why"):
        out.append(f"why          {line['why']}")
    sources = line.get("sources") or {}
    out += [
        f"  {name:24} {_value(name, value, sources.get(name))}"
        for name, value in line.items()
        if name not in _HIDDEN and value not in (None, "")
    ]
    unknown = [name for name, value in line.items() if value is None and _is_figure(name)]
    if unknown:
        out.append(f"  {'unknown':24} {', '.join(unknown)}")
    out += [f"  {name:24} {words}" for name, words in _as_set(line) if words]
    out += [f"  {'note':24} {notice}" for notice in line.get("notices") or ()]
    out += _prefix_lines(line.get("prefix"))
    if path is None:
        out.append(f"no trace of it: {_HOW_TO_TRACE}")
    else:
        out += _trace_lines(path)
    return "\n".join(out)


def _as_set(line: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The effect of the settings on it: sampling values with their origins, tools left out."""
    sampling, origins = line.get("sampling") or {}, line.get("samplingFrom") or {}
    yield "sampling", ", ".join(f"{n} {v:g} ({origins.get(n)})" for n, v in sampling.items())
    yield "tools left out", ", ".join(line.get("leftOutTools") or ())


def _is_figure(name: str) -> bool:
    """A number that is missing is unknown; a text that is missing is just not there."""
    return name.endswith(_FIGURES) or name in ("chunks", "deltas", "thinkingDeltas")


def _value(name: str, value: Any, source: str | None) -> str:
    unit = next((unit for ending, unit in _UNITS if name.endswith(ending)), "")
    text = f"{value:,}" if isinstance(value, int | float) and value is not True else str(value)
    if isinstance(value, bool):
        text, unit = ("yes" if value else "no"), ""
    return f"{text}{unit}" + (f"  ({source})" if source else "")


def _prefix_lines(prefix: Any) -> list[str]:
    if not isinstance(prefix, dict):
        return []
    place = f" at {prefix['place']}, byte {prefix['offsetBytes']:,}" if prefix.get("place") else ""
    what = f": {prefix['what']}" if prefix.get("what") else ""
    shared = f"{prefix['sharedBytes']:,} of {prefix['sizeBytes']:,} bytes as before"
    cost = prefix.get("costTokens")
    again = f", about {cost:,} tokens read again" if cost else ""
    more = [prefix.get(name) for name in ("against", "between", "note")]
    return [
        f"  {'prefix':24} {prefix['cause']}{place}{what} ({shared}{again})",
        *(f"  {'':24} {words}" for words in more if words),
    ]


def _trace_lines(path: Path) -> list[str]:
    content = _read_trace(path)
    out = [f"  {'':24} {line}" for line in (content.get("prefix") or {}).get("diff") or ()]
    out.append("timeline")
    out += [
        f"  {moment['atMs']:>12,.1f} ms  {moment['event']:20} {moment['detail']}".rstrip()
        for moment in content.get("timeline") or ()
    ]
    out.append(f"trace        {path}")
    out.append(f"             jq .request.body '{path}'")
    return out


def _find(home: Path, request_id: str) -> tuple[dict[str, Any], Path | None]:
    """The journal's line (else the trace's copy of it) and the trace of a request."""
    path = traces.find(home / traces.FOLDER, request_id)
    for line in journal.read_back(home / journal.FOLDER):
        if request_id and request_id in str(line.get("requestId")):
            exact = traces.find(home / traces.FOLDER, str(line["requestId"]))
            return line, exact
    if path is not None:
        return _read_trace(path).get("summary") or {}, path
    raise Failed(f"no request {request_id!r} in {home}: `anyclaude-tui requests list` shows them")


def _read_trace(path: Path) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise Failed(f"{path} is not a trace of ours: {error}") from None
    if not isinstance(content, dict):
        raise Failed(f"{path} is not a trace of ours: no JSON object")
    return content


# --- replay -----------------------------------------------------------------------------------


async def replay_command(home: Path, options: argparse.Namespace) -> int:
    """`requests replay ID`: send it through a session of its own, and print its figures beside
    those of then. Raises ConfigError, BackendError, OSError, or Failed.
    """
    from anyclaude_tui.compare.measuring.replay import replay
    from anyclaude_tui.compare.measuring.targets import MeasuredTarget

    line, path = _find(home, options.id)
    if path is None:
        raise Failed(f"no trace of {line.get('requestId')}, so it cannot be sent: {_HOW_TO_TRACE}")
    body = (_read_trace(path).get("request") or {}).get("body")
    if not isinstance(body, dict):
        raise Failed(f"{path} has no request body: it cannot be sent")
    settings = command_settings.load().settings
    backend = getattr(options, "backend", None)
    replayed = await replay(MeasuredTarget(backend, settings, home), body)
    now = journal.entry(replayed.record, replayed.view)
    print(printable(_comparison(line, now), lines=True))
    if now.get("why"):
        print(printable(f"why: {now['why']}"))
    if now.get("outcome") == "error":
        raise Failed(f"the request failed: {now.get('reason') or now.get('status')}")
    return 0


def _comparison(then: dict[str, Any], now: dict[str, Any]) -> str:
    rows = [
        [label, cell(then), cell(now)]
        for label, cell in (
            ("backend", lambda line: str(line.get("provider") or "–")),
            ("model", lambda line: str(line.get("model") or "–")),
            ("prompt tokens", lambda line: _number(line, "promptTokens")),
            ("cached tokens", lambda line: _number(line, "cachedTokens")),
            ("output tokens", lambda line: _number(line, "outputTokens")),
            ("TTFT", lambda line: _seconds(line.get("ttftMs"))),
            ("tokens/s", lambda line: _number(line, "tokensPerSecond")),
            ("total", lambda line: _seconds(line.get("totalMs"))),
            ("stop reason", lambda line: str(line.get("stopReason") or "–")),
            ("ended", _ending),
        )
    ]
    return table(rows, heads=["", "then", "now"], right=[False, True, True])


# --- how things are written ----------------------------------------------------------------------


def _number(line: dict[str, Any], name: str) -> str:
    value = line.get(name)
    if not isinstance(value, int | float):
        return "–"
    about = "~" if (line.get("sources") or {}).get(name) == "estimated" else ""
    return f"{about}{value:,.1f}" if isinstance(value, float) else f"{about}{value:,}"


def _seconds(value_ms: Any) -> str:
    if not isinstance(value_ms, int | float):
        return "–"
    return figures.seconds(value_ms / 1000)


def _short(request_id: Any) -> str:
    return str(request_id or "–").removeprefix("req_")[:12]


def _local(stamp: Any, *, day: bool = False) -> str:
    try:
        at = datetime.fromisoformat(str(stamp)).astimezone()
    except ValueError:
        return "–"
    return at.strftime("%Y-%m-%d %H:%M:%S" if day else "%m-%d %H:%M:%S")
