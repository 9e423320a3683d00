"""The launch of Claude Code: its command line and its environment, for this process only.

The user's own settings are never touched. Source of every variable: `docs/protocol/claude-code.md`.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyclaude_tui import config
from anyclaude_tui.claude_code import settings_files, version
from anyclaude_tui.claude_code.picker import model_name
from anyclaude_tui.config.settings import ClaudeSettings

PACKAGE = "@anthropic-ai/claude-code"
INSTALL_HINT = f"npm install -g {PACKAGE}@latest"
"""With the version named: without it npm on Node 20 takes 2.1.197, in silence."""
_CLOUDS = ("BEDROCK", "VERTEX", "FOUNDRY", "MANTLE", "ANTHROPIC_AWS", "ANTHROPIC_GOOGLE_CLOUD")
PAST_THE_PROXY = {f"CLAUDE_CODE_USE_{cloud}": "0" for cloud in _CLOUDS} | {
    "ANTHROPIC_UNIX_SOCKET": ""
}
"""The variables that would make Claude Code talk to another server whatever its base URL, with the
values that turn them off (measured, 2.1.329)."""

MODEL_VARIABLES = (
    "ANTHROPIC_MODEL",
    "ANTHROPIC_DEFAULT_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "CLAUDE_CODE_SUBAGENT_MODEL",
)
"""The second names the picker's row "Default" (2.1.329 and later)."""

NO_CHECK = {"skipWebFetchPreflight": True}
"""Settings with which WebFetch does not first ask api.anthropic.com about the domain, whatever
the base URL (`docs/protocol/claude-code.md`, "WebSearch and WebFetch")."""

MANUAL_MODE = {"permissions": {"disableAutoMode": "disable"}}
"""Settings with which it starts in manual mode. Its own default, auto mode, wants a check by
Anthropic's server, and behind any other one asks about each risky Bash call, blaming our address
(`docs/protocol/claude-code.md`, "Permission modes")."""

MANUAL_ARGUMENTS = ("--permission-mode", "default")
"""The same, where the user names a settings file."""

WATCHDOG_MS = str(24 * 3600 * 1000)
"""Claude Code's own watchdogs give up on a slow prefill after 300 s; ours are the judge."""
LEAST_COMPACT_WINDOW_TOKENS = 100_000
"""Claude Code takes a smaller CLAUDE_CODE_AUTO_COMPACT_WINDOW for 100k, and warns. By itself it
compacts 33k before the end of the window: at 32,768 that is before every turn. So below this its
own limit is off, and the proxy's answer to an overflow makes it compact (measured, 2.1.332)."""
ASSUMED_WINDOW_TOKENS = 131_072
"""The window that it is told where the backend does not tell its own, the usual one of today's open
models. Untold, 2.1.332 takes it for a million."""


@dataclass(frozen=True, slots=True)
class Launch:
    """The program to run in the pane, with its arguments and environment."""

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: str
    note: str = ""
    """A line for the user, empty when there is nothing to say."""
    settings: tuple[tuple[str, str], ...] = ()
    """The variables that we add, for those who start Claude Code themselves."""
    concerns: tuple[str, ...] = ()
    """The remarks on this start, a line each."""


class ClaudeMissing(Exception):
    """Claude Code is not installed; the text says how to install it."""


def find(settings: ClaudeSettings, env: Mapping[str, str] = os.environ) -> str | None:
    """The path of `claude`, or None where it is not installed.

    Raises ClaudeMissing when the configured command does not exist.
    """
    if settings.command:
        found = shutil.which(os.path.expanduser(settings.command), path=env.get("PATH"))
        if found is None:
            raise ClaudeMissing(
                f"claude.command = {settings.command!r} is not a program that can be run: "
                f"correct it in config.toml, or remove it and install Claude Code: {INSTALL_HINT}"
            )
        return found
    return version.installed(env)


def session_env(
    url: str, token: str, model: str | None, window_tokens: int | None
) -> dict[str, str]:
    """The variables that make Claude Code talk to the proxy and to nobody else. `model` None:
    it asks for models of its own choice, whose windows it knows. `window_tokens` None: not
    known, so it is told ASSUMED_WINDOW_TOKENS."""
    variables = {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_AUTH_TOKEN": token,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",
        "CLAUDE_CODE_DISABLE_TERMINAL_TITLE": "1",
        "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",
        "CLAUDE_STREAM_IDLE_TIMEOUT_MS": WATCHDOG_MS,
        "API_FORCE_IDLE_TIMEOUT": "0",
        "API_TIMEOUT_MS": WATCHDOG_MS,
    }
    if model is not None:
        for variable in MODEL_VARIABLES:
            variables[variable] = model_name(model)
        variables["CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY"] = "1"
        window_tokens = window_tokens or ASSUMED_WINDOW_TOKENS
    if window_tokens:
        variables["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] = str(window_tokens)
        if window_tokens >= LEAST_COMPACT_WINDOW_TOKENS:
            variables["CLAUDE_CODE_AUTO_COMPACT_WINDOW"] = str(window_tokens)
        else:
            variables["CLAUDE_CODE_DISABLE_UNKNOWN_MODEL_WINDOW_ENFORCEMENT"] = "1"
    return variables


def old(command: str) -> str:
    """The notice that this Claude Code should be replaced, and how; empty where it need not."""
    found = version.read(command)
    if found is None or not version.is_old(found):
        return ""
    return f"Claude Code {found} is {version.concern(found)}: {INSTALL_HINT}"


def past_http_proxies(env: Mapping[str, str]) -> dict[str, str]:
    """NO_PROXY with this machine in it, where an HTTP proxy is set; else nothing.

    Claude Code sends even requests to 127.0.0.1, token and all, through HTTP_PROXY or
    ALL_PROXY (measured, 2.1.329).
    """
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    if not any(env.get(name) or env.get(name.lower()) for name in names):
        return {}
    given = env.get("NO_PROXY") or env.get("no_proxy") or ""
    listed = [host.strip() for host in given.split(",") if host.strip()]
    here = [host for host in ("127.0.0.1", "localhost", "::1") if host not in listed]
    value = ",".join([*listed, *here])
    return {"NO_PROXY": value, "no_proxy": value}


def launch(
    settings: ClaudeSettings,
    session: Mapping[str, str],
    args: Sequence[str],
    *,
    mode: str = "start",
    cwd: str | None = None,
    env: Mapping[str, str] = os.environ,
    fetch_check: bool = True,
    auto_mode: bool = False,
    picker: Mapping[str, Any] | None = None,
) -> Launch:
    """Make the launch of the program in the pane.

    `session` comes from `session_env`; `mode` is start, continue (the last conversation)
    or shell. Where Claude Code is not installed the small chat client takes its place,
    with a note that says how to install it. `fetch_check`: it may ask Anthropic's server
    whether a page may be fetched. `auto_mode`: the backend can do what auto mode needs.
    `picker`: the setting `modelPicker`. Raises ClaudeMissing.
    """
    off = {name: value for name, value in PAST_THE_PROXY.items() if env.get(name)}
    added = {**session, **off, **past_http_proxies(env), **settings.env}
    where = cwd or os.getcwd()
    # A token or key of the user's own must not win over the session's.
    inherited = {k: v for k, v in env.items() if k not in ("ANTHROPIC_API_KEY", "CLAUDECODE")}
    full = {**inherited, **added}
    shown = tuple(added.items())
    if mode == "shell":
        return Launch((env.get("SHELL") or "/bin/sh",), full, where, settings=shown)
    command = find(settings, env)
    if command is None:
        argv = (sys.executable, "-P", "-m", "anyclaude_tui", "chat")
        note = f"Claude Code is not installed: {INSTALL_HINT}. A small chat client runs instead."
        return Launch(argv, full, where, note, shown)
    resume = ("-c",) if mode == "continue" else ()
    given = (*settings.args, *resume, *args)
    manual = not auto_mode and not settings_files.mode_given(given, env, Path(where))
    if "--settings" not in given:
        folder = config.home(env) / "state"
        more = {
            **({} if fetch_check else NO_CHECK),
            **(MANUAL_MODE if manual else {}),
            **({"modelPicker": picker} if picker else {}),
        }
        ours = PAST_THE_PROXY | added
        given = (*settings_files.arguments(ours, env, Path(where), folder, more), *given)
    elif manual:
        given = (*MANUAL_ARGUMENTS, *given)
    return Launch((command, *given), full, where, settings=shown)
