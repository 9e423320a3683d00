"""Our backends in Claude Code's own picker, and what a choice there leaves behind: nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anyclaude_tui.claude_code.picker import Offer, SavedDefault, picker

OFFERS = [
    Offer("coder", "models/Qwen3-Coder-30B", "mlx_lm"),
    Offer("lmstudio", None, "LM Studio"),
    Offer("same", "Qwen3-Coder-30B", "vLLM-MLX"),
]


def test_each_backend_is_a_row_with_its_name() -> None:
    made = picker(OFFERS)
    assert made.setting["replaceBuiltInOptions"] is True
    rows = made.setting["options"]
    assert [row["label"] for row in rows] == ["coder", "lmstudio", "same"]
    assert rows[0]["description"] == "models/Qwen3-Coder-30B · mlx_lm"
    names = [row["model"] for row in rows]
    assert names == ["Qwen3-Coder-30B@coder", "lmstudio", "Qwen3-Coder-30B@same"]
    assert [made.backend_of(name) for name in names] == ["coder", "lmstudio", "same"]
    assert made.backend_of("claude-lmstudio") == "lmstudio"
    assert made.backend_of("claude-opus-4-8") is None
    assert made.backend_of("local") is None


def test_a_service_with_claudes_own_models_keeps_their_rows() -> None:
    made = picker([*OFFERS, Offer("anthropic", None, "Anthropic", claude=True)])
    assert made.setting["replaceBuiltInOptions"] is False
    assert made.setting["options"][-1]["model"] == "opus"
    assert made.backend_of("claude-opus-5-5") == "anthropic"
    assert "opus" not in made.names


def test_nothing_to_offer_is_no_setting() -> None:
    assert picker([]).setting == {}


@pytest.mark.parametrize("before", [None, "opus"])
def test_what_was_saved_by_a_choice_is_put_back(tmp_path: Path, before: str | None) -> None:
    settings, note = tmp_path / "settings.json", tmp_path / "ours" / "note.json"
    mine = {"theme": "dark", **({"model": before} if before else {}), "env": {"A": "ä"}}
    settings.write_text(json.dumps(mine))
    settings.chmod(0o644)
    saved = SavedDefault(settings, note)
    saved.watch({"qwen"})
    settings.write_text(json.dumps({**mine, "model": "qwen"}))  # Enter in the picker
    assert saved.put_back()
    assert json.loads(settings.read_text()) == mine
    assert settings.stat().st_mode & 0o777 == 0o644
    assert not saved.put_back()
    saved.end()
    assert not note.exists()


def test_a_choice_of_the_users_own_stays(tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    saved = SavedDefault(settings, tmp_path / "note.json")
    saved.watch({"qwen"})  # there is no file yet
    settings.write_text('{"model": "sonnet"}')
    saved.end()
    assert json.loads(settings.read_text()) == {"model": "sonnet"}
    own = SavedDefault(settings, tmp_path / "note.json")
    settings.write_text('{"model": "qwen"}')  # chosen by hand, before we came
    own.watch({"other"})
    own.end()
    assert json.loads(settings.read_text()) == {"model": "qwen"}


def test_what_a_killed_session_left_is_put_back_by_the_next(tmp_path: Path) -> None:
    settings, note = tmp_path / "settings.json", tmp_path / "note.json"
    settings.write_text('{"model": "opus"}')
    SavedDefault(settings, note).watch({"qwen"})
    settings.write_text('{"model": "qwen"}')
    SavedDefault(settings, note).watch({"another"})
    assert json.loads(settings.read_text()) == {"model": "opus"}


def test_a_file_that_is_no_json_is_left_alone(tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text("{not json")
    saved = SavedDefault(settings, tmp_path / "note.json")
    saved.watch({"qwen"})
    saved.end()
    assert settings.read_text() == "{not json"
