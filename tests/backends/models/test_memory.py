"""The estimate before a load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anyclaude_tui.backends import machine
from anyclaude_tui.backends.machine import Memory
from anyclaude_tui.backends.models import memory
from anyclaude_tui.backends.models.files import ModelFiles

GIB = 2**30


@pytest.fixture(autouse=True)
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """All memory is usable, on macOS too."""
    monkeypatch.setattr(machine, "MACOS", False)


def files(weights: int = 4 * GIB, **config: Any) -> ModelFiles:
    return ModelFiles(Path("m"), config, weights)


LLAMA: dict[str, Any] = {
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "hidden_size": 4096,
    "max_position_embeddings": 131_072,
}


def test_weights_and_cache_at_the_window() -> None:
    found = memory.estimate(files(**LLAMA), memory=Memory(32 * GIB, GIB))
    assert found.kv_bytes_per_token == 131_072  # 2 × 2 bytes × 8 heads × 128 × 32 layers
    assert found.kv_bytes == 16 * GIB
    assert found.fits
    assert found.warning() == ""


def test_too_large_a_window_is_told_with_one_that_fits() -> None:
    found = memory.estimate(files(**LLAMA), memory=Memory(16 * GIB, GIB))
    assert not found.fits
    assert found.window_that_fits == 90_112  # 11 GiB over 128 KiB a token
    assert "set context_window to 90,112 or less" in found.warning()
    assert memory.estimate(files(**LLAMA), 90_112, Memory(16 * GIB, GIB)).fits


def test_too_large_a_model_is_told() -> None:
    found = memory.estimate(files(40 * GIB, **LLAMA), memory=Memory(32 * GIB, GIB))
    assert "smaller model" in found.warning()


def test_sliding_and_linear_layers_do_not_grow() -> None:
    kinds = ["sliding_attention", "full_attention"] * 16
    config = {**LLAMA, "layer_types": kinds, "sliding_window": 128}
    found = memory.estimate(files(**config), memory=Memory(32 * GIB, GIB))
    assert found.kv_bytes == 8 * GIB + 16 * 4096 * 128
    every_fourth = memory.estimate(
        files(**LLAMA, full_attention_interval=4), memory=Memory(32 * GIB, GIB)
    )
    assert every_fourth.kv_bytes == 4 * GIB


def test_latent_attention_is_small() -> None:
    config = {**LLAMA, "kv_lora_rank": 512, "qk_rope_head_dim": 64}
    found = memory.estimate(files(**config), memory=Memory(32 * GIB, GIB))
    assert found.kv_bytes_per_token == 2 * 576 * 32


def test_an_unknown_model_warns_of_its_weights_only() -> None:
    assert memory.estimate(files(), memory=Memory(32 * GIB, GIB)).kv_bytes == 0
