"""A refusal in the words of a chat template, and the form that the fewest templates mind.

Pure. For templates that were not asked, or not about what they refuse. mlx_lm says it under
404, llama.cpp under 400 or 500, vLLM under 400 (seen November 2026).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from anyclaude_tui.backends.dialect import Dialect

_TEMPLATE = re.compile(
    r"jinja|chat[ _]template|unable to generate parser|while executing \w*(?:call|expression)"
    r"|roles? must alternate|conversation roles|system message must|system role not supported"
    r"|single tool[- ]calls?|tool call ids? should|both content and thinking"
    r"|unexpected (?:message )?role|raise_exception|templateerror",
    re.IGNORECASE,
)
_NO_SYSTEM = re.compile(r"system role not supported|system.{0,20}not supported", re.IGNORECASE)
SAFE: Mapping[str, Any] = {
    "user_after_results": "folded",
    "calls": "serial",
    "call_ids": "nine",
    "text_beside_calls": "content",
    "reasoning_history": "drop",
}


def safe_form(words: str, dialect: Dialect) -> dict[str, Any]:
    """The fields to change after a refusal in these words; empty where they are no template's,
    or nothing is left to change."""
    if not _TEMPLATE.search(words):
        return {}
    wanted = dict(SAFE)
    if dialect.calls == "text":
        del wanted["calls"]  # safer still
    if _NO_SYSTEM.search(words):
        wanted["first_system"] = "user"
    return {name: value for name, value in wanted.items() if getattr(dialect, name) != value}
