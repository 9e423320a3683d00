"""What each kind of backend is."""

from __future__ import annotations

KINDS = ("simulator", "mlx_lm", "vllm_mlx", "lmstudio", "openai", "anthropic")
"""The kinds of backend, as `--backend KIND[:REST]` and as `kind` in the configuration."""


PREFIX_CACHED = frozenset({"simulator", "mlx_lm", "vllm_mlx", "lmstudio"})
"""Kinds of backend that keep a prefix cache: where they report nothing, reuse is estimated."""


HEAVY = ("mlx_lm", "vllm_mlx", "lmstudio")
"""Kinds that load a model into this machine's memory for us: two of them rarely fit."""


LM_STUDIO = "lmstudio"


STARTED_WITH_A_MODEL = ("mlx_lm", "vllm_mlx")
"""Kinds whose server is started with one model: another one means another server."""
