"""A tiny GGUF that llama.cpp answers with as mlx_lm does with the tiny MLX model of the tests.

    python -m tools.tiny_gguf                         makes the asset of the tests
    python -m tools.tiny_gguf --pad-vocab 4000000 OUT.gguf     one that takes a minute to load

The MLX model is a Llama whose layers have a sliding window each; `granite_swa` is llama.cpp's
architecture of that shape (attention sinks are set to nothing), so that replies are the same at any
length of the prompt. Unused tokens behind the vocabulary make the file larger by 128 bytes each.
Needs gguf, numpy and safetensors, which the tests' tools bring.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import load_file

ASSETS = Path(__file__).parents[1] / "tests" / "assets"
MLX_MODEL = ASSETS / "tiny-model"
GGUF_MODEL = ASSETS / "tiny-model.gguf"
ARCHITECTURE = "granite_swa"
WINDOW_TOKENS = 131_072
"""Room for the whole of Claude Code's prompt; the model attends to no more than its end."""


def make(
    out: Path, *, window_tokens: int = WINDOW_TOKENS, pad_vocab: int = 0, plain: bool = False
) -> None:
    """Write the GGUF file. `pad_vocab`: unused tokens behind the model's own. `plain`: a Llama that
    attends to all of the prompt, and says what it has not learnt to."""
    architecture = "llama" if plain else ARCHITECTURE
    config = json.loads((MLX_MODEL / "config.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(str(out), architecture)
    _shape(writer, config, window_tokens, pad_vocab, architecture)
    _vocabulary(writer, config, pad_vocab)
    writer.add_chat_template((MLX_MODEL / "chat_template.jinja").read_text(encoding="utf-8"))
    _weights(writer, config, pad_vocab, plain)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _shape(
    writer: Any, config: dict[str, Any], window_tokens: int, pad_vocab: int, architecture: str
) -> None:
    layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
    writer.add_name("tiny-model")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    for name, value in {
        "context_length": window_tokens,
        "embedding_length": config["hidden_size"],
        "block_count": layers,
        "feed_forward_length": config["intermediate_size"],
        "attention.head_count": heads,
        "attention.head_count_kv": config["num_key_value_heads"],
        "attention.key_length": config["head_dim"],
        "attention.value_length": config["head_dim"],
        "rope.dimension_count": config["head_dim"],
        "vocab_size": config["vocab_size"] + pad_vocab,
    }.items():
        writer.add_uint32(f"{architecture}.{name}", value)
    writer.add_float32(f"{architecture}.rope.freq_base", config["rope_theta"])
    writer.add_float32(f"{architecture}.attention.layer_norm_rms_epsilon", config["rms_norm_eps"])
    if architecture != ARCHITECTURE:
        return
    writer.add_uint32(f"{architecture}.attention.sliding_window", config["sliding_window"])
    writer.add_float32(f"{architecture}.logit_scale", 1.0)
    slides = [kind == "sliding_attention" for kind in config["layer_types"]]
    writer.add_array(f"{architecture}.attention.sliding_window_pattern", slides)
    writer.add_array(f"{architecture}.attention.rope_pattern", [True] * layers)
    writer.add_array(f"{architecture}.deepstack_mapping", [-1] * layers)


def _vocabulary(writer: Any, config: dict[str, Any], pad_vocab: int) -> None:
    tokenizer = json.loads((MLX_MODEL / "tokenizer.json").read_text(encoding="utf-8"))
    added = {token["id"]: token for token in tokenizer["added_tokens"]}
    names = {number: text for text, number in tokenizer["model"]["vocab"].items()}
    names |= {number: token["content"] for number, token in added.items()}
    kinds = gguf.TokenType
    tokens, types = [], []
    for number in range(config["vocab_size"] + pad_vocab):
        kind = kinds.NORMAL if number in names else kinds.UNUSED
        if number in added:
            kind = kinds.CONTROL if added[number]["special"] else kinds.USER_DEFINED
        tokens.append(names.get(number, f"[PAD{number}]"))
        types.append(int(kind))
    merges = tokenizer["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([one if isinstance(one, str) else " ".join(one) for one in merges])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    writer.add_add_bos_token(False)


def _weights(writer: Any, config: dict[str, Any], pad_vocab: int, plain: bool) -> None:
    weights = load_file(str(MLX_MODEL / "model.safetensors"))
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]

    def put(name: str, values: Any) -> None:
        kind = np.float16 if values.ndim == 2 else np.float32
        writer.add_tensor(name, np.ascontiguousarray(values.astype(kind)))

    def interleaved(rows: Any, heads: int) -> Any:
        """The rows of rotary embeddings: by halves in MLX, in pairs here."""
        split = rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
        return split.swapaxes(1, 2).reshape(rows.shape)

    embedding = weights["model.embed_tokens.weight"]
    unused = np.zeros((pad_vocab, embedding.shape[1]), embedding.dtype)
    put("token_embd.weight", np.concatenate([embedding, unused]))
    put("output_norm.weight", weights["model.norm.weight"])
    names = {
        "attn_norm": "input_layernorm",
        "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj",
        "ffn_norm": "post_attention_layernorm",
        "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
    }
    for layer in range(config["num_hidden_layers"]):
        of, to = f"model.layers.{layer}", f"blk.{layer}"
        for mine, its in names.items():
            put(f"{to}.{mine}.weight", weights[f"{of}.{its}.weight"])
        queries, keys = (weights[f"{of}.self_attn.{one}_proj.weight"] for one in "qk")
        put(f"{to}.attn_q.weight", interleaved(queries, heads))
        put(f"{to}.attn_k.weight", interleaved(keys, kv_heads))
        if not plain:
            put(f"{to}.attn_sinks.weight", np.full(heads, -1e9))


def main() -> None:
    """Make the file that the command line names, or the asset."""
    parser = argparse.ArgumentParser("tools.tiny_gguf")
    parser.add_argument("out", nargs="?", type=Path, default=GGUF_MODEL)
    parser.add_argument("--pad-vocab", type=int, default=0)
    parser.add_argument("--ctx", type=int, default=WINDOW_TOKENS)
    given = parser.parse_args()
    make(given.out, window_tokens=given.ctx, pad_vocab=given.pad_vocab)
    print(f"{given.out}: {given.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
