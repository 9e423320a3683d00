"""A request's body as everything that reads it may take it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anyclaude_tui.proxy.errors import invalid
from anyclaude_tui.proxy.request.seen import Seen
from anyclaude_tui.proxy.wire.safe_json import NestedTooDeeply, harmless, is_harmless


def checked(body: Any, seen: Seen | None = None) -> Mapping[str, Any]:
    """The body, made harmless where it is not; `seen` has what is known of its parts. Raises
    ApiError for what is no JSON object, or is nested too deeply."""
    if not isinstance(body, Mapping):
        raise invalid("the request must be a JSON object")
    if is_harmless(body) if seen is None else seen.is_harmless(body):
        return body
    try:
        return dict(harmless(dict(body)))
    except NestedTooDeeply as error:
        raise invalid(str(error)) from None
