"""What a model's directory says of sampling: taken where it means something, else left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anyclaude_tui.backends.models.files import ModelFiles


def sampling(folder: Path, given: Any) -> dict[str, float]:
    text = given if isinstance(given, str) else json.dumps(given)
    (folder / "generation_config.json").write_text(text)
    return ModelFiles(folder, {}, 0).sampling


def test_the_makers_values_by_their_usual_names(tmp_path: Path) -> None:
    qwen = {
        "do_sample": True,
        "temperature": 0.7,
        "top_p": 0.8,
        "top_k": 20,
        "repetition_penalty": 1.05,
        "eos_token_id": [1, 2],
        "transformers_version": "4.51",
    }
    assert sampling(tmp_path, qwen) == {
        "temperature": 0.7,
        "top_p": 0.8,
        "top_k": 20,
        "repetition_penalty": 1.05,
    }
    assert sampling(tmp_path, {"temperature": 0.0}) == {"temperature": 0.0}


@pytest.mark.parametrize(
    "given",
    [
        {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0},  # turned off
        {"temperature": -1, "top_p": 7, "top_k": 1.5, "min_p": True, "presence_penalty": "0"},
        {"temperature": None, "top_k": [40]},
        {"do_sample": False, "temperature": 0.7, "top_p": 0.8},
        [1],
        "{",
        '{"temperature": NaN}',
        '{"temperature": ' + "1" * 100_000 + "}",
    ],
)
def test_what_means_nothing_is_left_alone(tmp_path: Path, given: Any) -> None:
    assert sampling(tmp_path, given) == {}


def test_a_folder_without_one(tmp_path: Path) -> None:
    assert ModelFiles(tmp_path, {}, 0).sampling == {}
