"""A GGUF with random weights for llama.cpp: what it costs is real, what it says is not.

A plain Llama whose vocabulary is the 256 bytes: a character is a token; or one learnt from a text.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WINDOW_TOKENS = 65_536
WORDS = 4_000
_HEAD = 64


def make(
    out: Path, hidden: int, layers: int, *, template: str = "{{ messages }}", text: str = ""
) -> Path:
    """Write the file; `hidden` is a multiple of 64. `template`: its chat template. `text`: what
    words are learnt from; "" for none."""
    import gguf

    writer = gguf.GGUFWriter(str(out), "llama")
    tokens, merges = _learnt(text) if text else _bytes()
    for name, value in {
        "context_length": WINDOW_TOKENS,
        "embedding_length": hidden,
        "block_count": layers,
        "feed_forward_length": 3 * hidden,
        "attention.head_count": hidden // _HEAD,
        "attention.head_count_kv": _shared_heads(hidden),
        "rope.dimension_count": _HEAD,
        "vocab_size": len(tokens) + 1,
    }.items():
        writer.add_uint32(f"llama.{name}", value)
    writer.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    writer.add_chat_template(template)
    _vocabulary(writer, tokens, merges)
    _weights(writer, hidden, layers, len(tokens))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def _shared_heads(hidden: int) -> int:
    """The number of heads of keys and values."""
    return max(1, hidden // _HEAD // 2)


def _bytes() -> tuple[list[str], list[str]]:
    """GPT-2's letters for the bytes, and the one merge that a vocabulary must have."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in kept}
    for byte in range(256):
        letters.setdefault(byte, chr(256 + len(letters) - len(kept)))
    return [letters[byte] for byte in range(256)], [f"{letters[1]} {letters[2]}"]


def _learnt(text: str) -> tuple[list[str], list[str]]:
    """Words of a text besides, as a model's own tokenizer would have learnt them."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=WORDS, initial_alphabet=alphabet, show_progress=False)
    learner.train_from_iterator([text], trainer)
    made = json.loads(learner.to_str())["model"]
    merges = [one if isinstance(one, str) else " ".join(one) for one in made["merges"]]
    return sorted(made["vocab"], key=made["vocab"].__getitem__), merges


def _vocabulary(writer: Any, tokens: list[str], merges: list[str]) -> None:
    """The tokens, and one that ends behind them."""
    end = len(tokens)
    tokens.append("<|end|>")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * end + [3])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)


def _weights(writer: Any, hidden: int, layers: int, vocabulary: int) -> None:
    import numpy as np

    random = np.random.default_rng(1)
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd": (vocabulary, hidden),
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
