"""How Claude Code is launched: its command line and its environment, for this process only.

The user's own settings are never touched. Source of every variable: `docs/protocol/claude-code.md`.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anyclaude_tui import config
from anyclaude_tui.claude_code import settings_files, version
from anyclaude_tui.config.settings import ClaudeSettings

INSTALL_HINT = "npm install -g @anthropic-ai/claude-code"
_CLOUDS = ("BEDROCK", "VERTEX", "FOUNDRY", "MANTLE", "ANTHROPIC_AWS", "ANTHROPIC_GOOGLE_CLOUD")
PAST_THE_PROXY = {f"CLAUDE_CODE_USE_{cloud}": "0" for cloud in _CLOUDS} | {
    "ANTHROPIC_UNIX_SOCKET": ""
}
"""What would make Claude Code talk to somebody else whatever its base URL, and the values that
turn it off (measured, 2.1.329)."""

NO_CHECK = {"skipWebFetchPreflight": True}
"""Settings with which WebFetch does not first ask api.anthropic.com about the domain, whatever
the base URL (`docs/protocol/claude-code.md`, "WebSearch and WebFetch")."""

WATCHDOG_MS = str(24 * 3600 * 1000)
"""Claude Code's own watchdogs give up on a slow prefill after 300 s; ours are the judge."""
LEAST_COMPACT_WINDOW_TOKENS = 100_000
"""Claude Code 2.1.329 takes a smaller CLAUDE_CODE_AUTO_COMPACT_WINDOW for 100k, and warns;
then the proxy's answer to an overflow makes it compact."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run in the pane."""

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: str
    note: str = ""
    """A line for the user, empty when there is nothing to say."""
    settings: tuple[tuple[str, str], ...] = ()
    """The variables that we add, for those who start Claude Code themselves."""


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
    it asks for models of its own choice."""
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
        for variable in ("ANTHROPIC_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL"):
            variables[variable] = model_name(model)
        variables["CLAUDE_CODE_SUBAGENT_MODEL"] = model_name(model)
    if window_tokens:
        variables["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] = str(window_tokens)
        if window_tokens >= LEAST_COMPACT_WINDOW_TOKENS:
            variables["CLAUDE_CODE_AUTO_COMPACT_WINDOW"] = str(window_tokens)
    return variables


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


def model_name(model: str) -> str:
    """The name Claude Code shows: the model's own, without its folders.

    Not `claude-…`: only then does CLAUDE_CODE_MAX_CONTEXT_TOKENS count.
    """
    return Path(model.rstrip("/")).name or "local-model"


def launch(
    settings: ClaudeSettings,
    session: Mapping[str, str],
    args: Sequence[str],
    *,
    mode: str = "start",
    cwd: str | None = None,
    env: Mapping[str, str] = os.environ,
    fetch_check: bool = True,
) -> Launch:
    """What to run in the pane.

    `session` comes from `session_env`; `mode` is start, continue (the last conversation)
    or shell. Where Claude Code is not installed the small chat client takes its place,
    with a note that says how to install it. `fetch_check`: it may ask Anthropic's server
    whether a page may be fetched. Raises ClaudeMissing.
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
    if "--settings" not in given:
        folder = config.home(env) / "state"
        given = (
            *settings_files.arguments(
                PAST_THE_PROXY | added, env, Path(where), folder, {} if fetch_check else NO_CHECK
            ),
            *given,
        )
    return Launch((command, *given), full, where, settings=shown)
