"""Claude Code's billing line, which changes with every request: taken out of the prompt."""

from __future__ import annotations

import re
from typing import Any

_BILLING = re.compile(r"\s*x-anthropic-billing-header:[^\r\n]*(?:\r?\n)*", re.IGNORECASE)
"""The header line and the line ends after it."""

_VERSION = re.compile(r"\s*x-anthropic-billing-header:[^\r\n]*?cc_version=(\d+\.\d+\.\d+)", re.I)


def version_in(system: Any) -> str:
    """Claude Code's version, as the billing header at the front of `system` tells; else ""."""
    first = system[0] if isinstance(system, list) and system else system
    text = first.get("text") if isinstance(first, dict) else first
    found = _VERSION.match(text) if isinstance(text, str) else None
    return found[1] if found else ""


def strip_billing(system: Any) -> Any:
    """`system` (a text or a list of blocks) without the billing header at its front.

    A block that holds nothing else goes altogether. What follows the header, and a
    `system` that has none, is left as it is.
    """
    if isinstance(system, str):
        return _strip_text(system)
    if not isinstance(system, list):
        return system
    found = False
    for position, block in enumerate(system):
        text = block.get("text") if isinstance(block, dict) else None
        stripped = _strip_text(text) if isinstance(text, str) else None
        found = found or (stripped is not None and stripped != text)
        if stripped is None or stripped.strip():
            if not found:
                break
            kept = block if stripped == text else {**block, "text": stripped}
            return [kept, *system[position + 1 :]]
    return [] if found else system


def _strip_text(text: str) -> str:
    while found := _BILLING.match(text):
        text = text[found.end() :]
    return text
