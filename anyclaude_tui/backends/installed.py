"""Which programs that serve models are installed, and how to install what is missing."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from anyclaude_tui.backends import mlx_lm, vllm_mlx
from anyclaude_tui.backends.lmstudio import files


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that serves models. `where` is None when it is not installed."""

    kind: str
    title: str
    where: str | None
    hint: str
    """How to install it, or how to use it."""
    serves_files: bool = False
    """It can be started with a model from disk."""


def find_tools() -> list[Tool]:
    """The tools that we know, in the order in which they are preferred. Blocks a little."""
    spec = find_spec("mlx_lm")
    beside = Path(sys.executable).with_name("vllm-mlx")
    vllm = str(beside) if beside.exists() else shutil.which("vllm-mlx")
    return [
        Tool("mlx_lm", "mlx-lm", spec.origin if spec else None, mlx_lm.INSTALL, True),
        Tool("vllm_mlx", "vllm-mlx", vllm, vllm_mlx.INSTALL, True),
        Tool("lmstudio", files.PLACE, files.lms_program(), "https://lmstudio.ai"),
        Tool("openai", "Ollama", shutil.which("ollama"), "https://ollama.com"),
        Tool("openai", "llama.cpp", shutil.which("llama-server"), "brew install llama.cpp"),
    ]
