"""The user's settings over a request: sampling, thinking, the limit of output, more members.

Pure. A Messages request goes in and one comes out, so that both APIs are served by the same
rules; what the Messages API has no name for (`more_sampling`) only chat completions carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.config.request_settings import CLIENT, OURS, SETTING, RequestSettings

Sampled = tuple[str, Any, str]
"""A parameter of sampling, its value, and where it is from (`RequestSettings.sampling`)."""

_IN_MESSAGES = ("temperature", "top_p", "top_k")
"""Parameters of sampling that the Messages API has."""
_EFFORTS = ("low", "medium", "high")
_SHORT_TOKENS = 2_048
"""A reply of so few tokens (a title) has no room for thinking."""
_BUDGET_LEAST, _BUDGET_MOST = 1_024, 16_000
"""Bounds of `budget_tokens` (Messages API)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request as the user wants it."""

    body: dict[str, Any]
    sampling: tuple[Sampled, ...]
    """All that is known of how it is to be sampled."""
    notices: tuple[str, ...] = ()


def as_wanted(body: Mapping[str, Any], endpoint: Endpoint) -> Wanted:
    """The request for this endpoint; its parts that nothing is set for are as they came."""
    settings = endpoint.wanted
    made = dict(body)
    asked = {name: body.get(name) for name in _IN_MESSAGES}
    sampling = tuple(settings.sampling(asked, endpoint.model_sampling))
    notices = []
    for name, value, source in sampling:
        if name in _IN_MESSAGES and source != CLIENT:
            theirs = asked[name]
            if isinstance(theirs, int | float) and theirs != value:
                notices.append(f"{name} {theirs:g} of the client's is {value:g}, as set")
            made[name] = value
    notices += _limited(made, settings.max_output_tokens)
    notices += _thinking(made, settings)
    dialect = endpoint.dialect
    levels = endpoint.native or dialect.reasoning_effort or dialect.effort_switch[0]
    if settings.thinking in _EFFORTS and not levels:
        notices.append(f"effort {settings.thinking} left out: the chat template knows none")
    return Wanted(made, sampling, tuple(notices))


def _limited(body: dict[str, Any], most: int | None) -> list[str]:
    given = body.get("max_tokens")
    if most is None or not isinstance(given, int) or given <= most:
        return []
    body["max_tokens"] = most
    thinking = body.get("thinking")
    thinking = thinking if isinstance(thinking, Mapping) else {}
    budget = thinking.get("budget_tokens")
    if isinstance(budget, int) and budget >= most:
        # "`max_tokens` must be greater than `thinking.budget_tokens`", of which 1,024 are the least
        enough = most > _BUDGET_LEAST
        body["thinking"] = {**thinking, "budget_tokens": most - 1} if enough else _OFF
    return [f"max_tokens {given:,} of the client's is {most:,}, as set"]


_OFF = {"type": "disabled"}


def _thinking(body: dict[str, Any], settings: RequestSettings) -> list[str]:
    """Thinking as it is set, in the words of the Messages API."""
    mode = settings.thinking
    given = body.get("thinking")
    on = isinstance(given, Mapping) and given.get("type") in ("enabled", "adaptive")
    if mode == "auto":
        return []
    output = body.get("output_config")
    output = dict(output) if isinstance(output, Mapping) else {}
    if mode == "off":
        output.pop("effort", None)
        _replace(body, "output_config", output)
        if given is not None:
            body["thinking"] = _OFF
        _keep_no_thinking(body)
        return ["thinking off, as set"] if on else []
    if not on:
        room = body.get("max_tokens")
        if not isinstance(room, int) or room < _SHORT_TOKENS:
            return []
        budget = max(_BUDGET_LEAST, min(_BUDGET_MOST, room // 2))
        body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    if mode != "on":
        if output.get("effort") == mode:
            return []
        _replace(body, "output_config", {**output, "effort": mode})
        return [f"thinking {mode}, as set"]
    return [] if on else ["thinking on, as set"]


def _replace(body: dict[str, Any], name: str, value: dict[str, Any]) -> None:
    """Set a member, or take it out where it is empty."""
    if value:
        body[name] = value
    else:
        body.pop(name, None)


def _keep_no_thinking(body: dict[str, Any]) -> None:
    """`context_management` without its edits of thinking, which want thinking to be on."""
    management = body.get("context_management")
    edits = management.get("edits") if isinstance(management, Mapping) else None
    if not isinstance(management, Mapping) or not isinstance(edits, list):
        return
    kept = [
        edit
        for edit in edits
        if not (isinstance(edit, Mapping) and str(edit.get("type")).startswith("clear_thinking"))
    ]
    if len(kept) == len(edits):
        return
    others = {key: value for key, value in management.items() if key != "edits"}
    _replace(body, "context_management", {**others, "edits": kept} if kept else others)


def without_top_k(wanted: Wanted) -> dict[str, Any]:
    """The body without a `top_k` that the client has not asked for: `more_sampling` has it."""
    ours = any(name == "top_k" and source != CLIENT for name, _, source in wanted.sampling)
    return {key: value for key, value in wanted.body.items() if not (ours and key == "top_k")}


def more_sampling(
    sampling: tuple[Sampled, ...], dialect: Dialect
) -> tuple[dict[str, Any], list[str]]:
    """The members of a chat completions request beyond the Messages API's, under the server's
    names, and notices of what it does not know."""
    members: dict[str, Any] = {}
    notices = []
    for name, value, source in sampling:
        if source == CLIENT or name in ("temperature", "top_p"):
            continue
        its = dialect.renamed.get(name, name)
        if its not in dialect.left_out:
            members[its] = value
        elif source == SETTING:
            notices.append(f"{name} left out: the backend has none")
    return members, notices


def with_extra(body: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the user's own members, tables merged; none of those that are ours."""
    return _merged(body, {key: value for key, value in extra.items() if key not in OURS})


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(base)
    for key, value in over.items():
        old = made.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        made[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return made
