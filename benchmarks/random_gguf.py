"""A GGUF with random weights for llama.cpp: what it costs is real, what it says is not.

A plain Llama whose vocabulary is the 256 bytes: a character is a token.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

WINDOW_TOKENS = 65_536
_END = 256
_HEAD = 64


def make(out: Path, hidden: int, layers: int) -> Path:
    """Write the file; `hidden` is a multiple of 64."""
    import gguf

    writer = gguf.GGUFWriter(str(out), "llama")
    for name, value in {
        "context_length": WINDOW_TOKENS,
        "embedding_length": hidden,
        "block_count": layers,
        "feed_forward_length": 3 * hidden,
        "attention.head_count": hidden // _HEAD,
        "attention.head_count_kv": _shared_heads(hidden),
        "rope.dimension_count": _HEAD,
        "vocab_size": _END + 1,
    }.items():
        writer.add_uint32(f"llama.{name}", value)
    writer.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    writer.add_chat_template("{{ messages }}")  # the benchmark gives its own
    _vocabulary(writer)
    _weights(writer, hidden, layers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def _shared_heads(hidden: int) -> int:
    """The number of heads of keys and values."""
    return max(1, hidden // _HEAD // 2)


def _vocabulary(writer: Any) -> None:
    """GPT-2's letters for the bytes, and a token that ends."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in kept}
    for byte in range(256):
        letters.setdefault(byte, chr(256 + len(letters) - len(kept)))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*(letters[byte] for byte in range(256)), "<|end|>"])
    writer.add_token_types([1] * 256 + [3])
    writer.add_token_merges([f"{letters[1]} {letters[2]}"])
    writer.add_bos_token_id(_END)
    writer.add_eos_token_id(_END)


def _weights(writer: Any, hidden: int, layers: int) -> None:
    import numpy as np

    random = np.random.default_rng(1)
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd": (_END + 1, hidden),
        "output_norm": (hidden,),
    }
    for n in range(layers):
        keys = _HEAD * _shared_heads(hidden)
        shapes |= {
            f"blk.{n}.attn_norm": (hidden,),
            f"blk.{n}.ffn_norm": (hidden,),
            f"blk.{n}.ffn_gate": (3 * hidden, hidden),
            f"blk.{n}.ffn_up": (3 * hidden, hidden),
            f"blk.{n}.ffn_down": (hidden, 3 * hidden),
            f"blk.{n}.attn_q": (hidden, hidden),
            f"blk.{n}.attn_k": (keys, hidden),
            f"blk.{n}.attn_v": (keys, hidden),
            f"blk.{n}.attn_output": (hidden, hidden),
        }
    for name, shape in shapes.items():
        values = random.normal(0, 0.05, shape).astype(np.float32)
        writer.add_tensor(f"{name}.weight", values)
