"""A GGUF that llama.cpp loads in a moment, for the scripts beside it."""

from __future__ import annotations

import gguf
import numpy as np


def tiny(path: str) -> None:
    """A Llama of one layer with random weights; its vocabulary is the 256 bytes."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {b: chr(b) for b in kept}
    for b in range(256):
        letters.setdefault(b, chr(256 + len(letters) - len(kept)))
    tokens = [letters[b] for b in range(256)] + ["<|end|>"]
    width, random = 32, np.random.default_rng(1)
    g = gguf.GGUFWriter(path, "llama")
    for name, value in {
        "context_length": 2048,
        "embedding_length": width,
        "block_count": 1,
        "feed_forward_length": 64,
        "attention.head_count": 2,
        "rope.dimension_count": 16,
        "vocab_size": len(tokens),
    }.items():
        g.add_uint32(f"llama.{name}", value)
    g.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    g.add_tokenizer_model("gpt2")
    g.add_tokenizer_pre("gpt-2")
    g.add_token_list(tokens)
    g.add_token_types([1] * 256 + [3])
    g.add_token_merges([f"{letters[97]} {letters[98]}"])
    g.add_bos_token_id(256)
    g.add_eos_token_id(256)
    shapes = {
        "token_embd": (len(tokens), width),
        "output_norm": (width,),
        "blk.0.attn_norm": (width,),
        "blk.0.ffn_norm": (width,),
        "blk.0.ffn_gate": (64, width),
        "blk.0.ffn_up": (64, width),
        "blk.0.ffn_down": (width, 64),
    }
    shapes |= {f"blk.0.attn_{n}": (width, width) for n in ("q", "k", "v", "output")}
    for name, shape in shapes.items():
        g.add_tensor(f"{name}.weight", random.normal(0, 0.1, shape).astype(np.float32))
    g.write_header_to_file()
    g.write_kv_data_to_file()
    g.write_tensors_to_file()
    g.close()
