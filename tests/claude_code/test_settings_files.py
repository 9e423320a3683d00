"""What Claude Code is told for one session."""

from __future__ import annotations

from anyclaude_tui.claude_code.launch import session_env


def test_its_own_watchdogs_do_not_give_up_on_a_slow_prefill() -> None:
    env = session_env("http://127.0.0.1:1", "token", "model", None)
    for name in ("CLAUDE_STREAM_IDLE_TIMEOUT_MS", "API_TIMEOUT_MS"):
        assert int(env[name]) > 3_600_000
    assert env["API_FORCE_IDLE_TIMEOUT"] == "0"


def test_a_small_window_is_no_compaction_window() -> None:
    small = session_env("http://127.0.0.1:1", "token", "model", 32_768)
    assert small["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] == "32768"
    assert "CLAUDE_CODE_AUTO_COMPACT_WINDOW" not in small
    large = session_env("http://127.0.0.1:1", "token", "model", 131_072)
    assert large["CLAUDE_CODE_AUTO_COMPACT_WINDOW"] == "131072"
