"""What Claude Code is told for one session."""

from __future__ import annotations

from anyclaude_tui.claude_code.launch import ASSUMED_WINDOW_TOKENS, session_env


def test_its_own_watchdogs_do_not_give_up_on_a_slow_prefill() -> None:
    env = session_env("http://127.0.0.1:1", "token", "model", None)
    for name in ("CLAUDE_STREAM_IDLE_TIMEOUT_MS", "API_TIMEOUT_MS"):
        assert int(env[name]) > 3_600_000
    assert env["API_FORCE_IDLE_TIMEOUT"] == "0"


ENFORCEMENT = "CLAUDE_CODE_DISABLE_UNKNOWN_MODEL_WINDOW_ENFORCEMENT"


def test_in_a_small_window_only_the_overflow_compacts() -> None:
    """At window - 33k, where it compacts by itself, there would be a summary before each turn."""
    small = session_env("http://127.0.0.1:1", "token", "model", 32_768)
    assert small["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] == "32768"
    assert small[ENFORCEMENT] == "1"
    assert "CLAUDE_CODE_AUTO_COMPACT_WINDOW" not in small
    large = session_env("http://127.0.0.1:1", "token", "model", 131_072)
    assert large["CLAUDE_CODE_AUTO_COMPACT_WINDOW"] == "131072"
    assert ENFORCEMENT not in large


def test_a_window_that_is_not_known_is_a_modest_one() -> None:
    """Untold, Claude Code takes it for a million."""
    unknown = session_env("http://127.0.0.1:1", "token", "model", None)
    assert unknown["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] == str(ASSUMED_WINDOW_TOKENS)
    own = session_env("http://127.0.0.1:1", "token", None, None)  # Claude's own models
    assert "CLAUDE_CODE_MAX_CONTEXT_TOKENS" not in own
