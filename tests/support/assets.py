"""Files that tests read: found from here, wherever a test stands."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "tests" / "assets"
TINY_MODEL = ASSETS / "tiny-model"
"""A model that mlx_lm loads in a second and that knows one tool call."""
TINY_GGUF = ASSETS / "tiny-model.gguf"
"""The same for llama.cpp, made by `tools/tiny_gguf.py`."""
LLAMA_ARGS = ("-t", "1", "-fa", "on", "--temp", "0")
"""The fewest steps in which the processes of a test run wait for one another."""
