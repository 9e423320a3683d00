"""Members of `chat_template_kwargs` that chat templates look at, by the names they give them."""

from __future__ import annotations

from typing import Any

EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "max")
"""Effort by its names, the least first (`output_config.effort`, and what templates call it)."""

KEEP_THINKING: dict[str, bool] = {
    "preserve_thinking": True,  # Qwen3.6, Gemma 4, LFM2.5
    "clear_thinking": False,  # GLM-4.7, GLM-5.3
    "truncate_history_thinking": False,  # Nemotron 3
    "keep_past_thinking": True,
    "preserved_thinking": True,
    "drop_thinking": False,
}
"""Switches of chat templates that keep the thinking of earlier turns. Without them each new
prompt renders the last tool loop anew, and what was cached of it is lost (80 % of 32k tokens;
all of it where a cache cannot be trimmed). A template ignores the names it does not know: of
158, all six at once made 17 better, none worse (rendered November 2026)."""

EFFORT_NAMES = ("reasoning_effort", "thinking_effort", "reasoning_strength")
"""gpt-oss, GLM-5.3, Qwen3.8 and others; Kimi K3; muse."""

THINKING_SWITCHES: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"enable_thinking": True}, {"enable_thinking": False}),
    ({"thinking": True}, {"thinking": False}),  # DeepSeek V3.1 and on, Kimi K3, Granite 3.3
    ({}, {"thinking_budget": 0}),  # Seed-OSS
)
"""The members that ask for thinking and for none, the usual name first."""
