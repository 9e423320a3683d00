"""The memory that a model needs. An estimate before the load: weights and KV cache against the
machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyclaude_tui.backends import machine
from anyclaude_tui.backends.base import Backend, BackendError
from anyclaude_tui.backends.machine import Memory
from anyclaude_tui.backends.models import files as modelfiles
from anyclaude_tui.backends.models import gguf as ggufs
from anyclaude_tui.backends.models.files import ModelFiles
from anyclaude_tui.backends.models.gguf import Gguf
from anyclaude_tui.figures import size

GIB = 2**30
KV_BYTES = 2
"""A cached number is 16 bits wide unless --kv-bits says otherwise."""
OVERHEAD_BYTES = GIB
"""Python, buffers, activations."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The memory that a model needs; `kv_bytes` for one full context of `window_tokens`."""

    weight_bytes: int
    kv_bytes: int
    kv_bytes_per_token: int
    window_tokens: int
    usable_bytes: int

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return self.start_bytes + self.kv_bytes

    @property
    def start_bytes(self) -> int:
        """The bytes that it takes to come up; the cache grows with the prompts."""
        return self.weight_bytes + OVERHEAD_BYTES

    @property
    def fits(self) -> bool:
        """True if the machine has that much memory for it."""
        return self.total_bytes <= self.usable_bytes

    @property
    def window_that_fits(self) -> int:
        """The longest context for which the memory is enough, in steps of 1,024; 0 for none."""
        left = self.usable_bytes - self.start_bytes
        if left <= 0 or not self.kv_bytes_per_token:
            return 0
        return min(self.window_tokens, left // self.kv_bytes_per_token // 1024 * 1024)

    def warning(self) -> str:
        """The warning that the model does not fit, and the advice; empty when it fits."""
        if self.fits:
            return ""
        needs = (
            f"this model needs about {size(self.total_bytes)} "
            f"({size(self.weight_bytes)} weights, {size(self.kv_bytes)} for a context of "
            f"{self.window_tokens:,} tokens) and {size(self.usable_bytes)} are usable here"
        )
        fitting = self.window_that_fits
        if fitting:
            return f"{needs}: set context_window to {fitting:,} or less"
        return f"{needs}: take a smaller model or a stronger quantisation"


def estimate(
    files: ModelFiles, window_tokens: int | None = None, memory: Memory | None = None
) -> Estimate:
    """The need of a model at a window (the model's own when not given); all of it estimated."""
    window = window_tokens or files.window_tokens or 0
    full, sliding = _layers(files.text_config)
    per_layer = _kv_bytes_per_token_and_layer(files.text_config)
    span = int(files.text_config.get("sliding_window") or 0)
    fixed = sliding * per_layer * min(span, window)
    return _weighed(files.weight_bytes, window, full * per_layer, fixed, memory)


def estimate_gguf(
    gguf: Gguf, window_tokens: int | None = None, memory: Memory | None = None
) -> Estimate:
    """The same for a GGUF file, from its own header."""
    window = window_tokens or gguf.window_tokens or 0
    per_token, sliding_per_token, span = gguf.kv_bytes
    fixed = sliding_per_token * min(span, window)
    return _weighed(gguf.weight_bytes, window, per_token, fixed, memory)


def of_path(path: Path, window_tokens: int | None = None) -> Estimate:
    """The need of a model on disk, whatever its format. Blocks. Raises BackendError."""
    if path.is_file():
        return estimate_gguf(ggufs.read(path, whole=False), window_tokens)
    return estimate(modelfiles.read(path), window_tokens)


def _weighed(
    weight_bytes: int, window: int, kv_bytes_per_token: int, fixed: int, memory: Memory | None
) -> Estimate:
    total = (memory or machine.memory()).total_bytes
    return Estimate(
        weight_bytes=weight_bytes,
        kv_bytes=kv_bytes_per_token * window + fixed,
        kv_bytes_per_token=kv_bytes_per_token,
        window_tokens=window,
        usable_bytes=machine.usable_for_models_bytes(total),
    )


CONVERSATIONS = 6
"""The main one, four agents beside it, and one in reserve."""
CONVERSATION_TOKENS = 65_536
LEAST_CACHE_SHARE = 0.15
CACHE_OF_LEFT = 0.8
"""Of the memory that the weights leave, what prompts may take at most."""


def prompt_cache_bytes(files: ModelFiles | None, window_tokens: int | None = None) -> int:
    """As much memory as the prompts of several conversations need, where there is so much beside
    the weights; never less than a share of the machine's, which is all that is known of a model
    that is not on this disk."""
    least = int(machine.memory().total_bytes * LEAST_CACHE_SHARE)
    if files is None:
        return least
    need = estimate(files, window_tokens)
    tokens = min(need.window_tokens or CONVERSATION_TOKENS, CONVERSATION_TOKENS)
    wanted = CONVERSATIONS * tokens * need.kv_bytes_per_token
    left = max(0, need.usable_bytes - need.start_bytes)
    return max(least, min(wanted, int(left * CACHE_OF_LEFT)))


def _layers(config: dict[str, Any]) -> tuple[int, int]:
    """Layers whose cache grows with the context, and layers with a sliding window.

    Layers with a state of fixed size (linear attention, Mamba) count as neither.
    """
    count = int(config.get("num_hidden_layers") or 0)
    kinds = config.get("layer_types")
    if isinstance(kinds, list):
        sliding = sum("sliding" in str(kind) or "chunked" in str(kind) for kind in kinds)
        linear = sum("linear" in str(kind) or "mamba" in str(kind) for kind in kinds)
        return len(kinds) - sliding - linear, sliding
    every = config.get("full_attention_interval")  # Qwen3-Next: one full layer in so many
    if isinstance(every, int) and every > 1:
        return count // every, 0
    return count, 0


def _kv_bytes_per_token_and_layer(config: dict[str, Any]) -> int:
    """Keys and values of one token; DeepSeek's latent attention keeps one small vector."""
    rank = config.get("kv_lora_rank")
    if isinstance(rank, int) and rank > 0:
        return KV_BYTES * (rank + int(config.get("qk_rope_head_dim") or 0))
    heads = int(config.get("num_attention_heads") or 0)
    kv_heads = int(config.get("num_key_value_heads") or heads)
    head_size = config.get("head_dim")
    if not isinstance(head_size, int) and heads:
        head_size = int(config.get("hidden_size") or 0) // heads
    return 2 * KV_BYTES * kv_heads * int(head_size or 0)


async def fit_together(old: Backend, new: Backend) -> bool:
    """True if `new` can come up while `old` serves.

    What the old one holds is measured, where that is not known yet estimated as for the new
    one. What nobody can tell counts as fitting; so does a server that is not ours to stop.
    """
    status = old.status()
    if not status.supervised:
        return True
    try:
        held = status.memory_bytes or await old.start_bytes()
        needed = await new.start_bytes()
    except (BackendError, OSError):  # the start will say it better
        return True
    usable = machine.usable_for_models_bytes(machine.memory().total_bytes)
    return held is None or needed is None or held + needed <= usable
