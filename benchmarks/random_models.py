"""Models with random weights, made with mlx_lm's own classes: what they cost is real, what they
say is not. A kind for each kind of prompt cache: plain, sliding window, hybrid.

    python -m benchmarks.random_models FOLDER KIND [HIDDEN LAYERS]
"""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from tests.support.assets import TINY_MODEL

VOCABULARY = 960
WINDOW_TOKENS = 131_072


def config_of(kind: str, hidden: int, layers: int) -> dict[str, Any]:
    """The configuration of a model of this kind: plain, sliding or hybrid."""
    heads = max(2, hidden // 64)
    same = {
        "vocab_size": VOCABULARY,
        "hidden_size": hidden,
        "intermediate_size": 3 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": max(1, heads // 2),
        "head_dim": hidden // heads,
        "max_position_embeddings": WINDOW_TOKENS,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": True,
        "eos_token_id": 2,
        "bos_token_id": 0,
    }
    attention = ["full_attention" if n % 2 else "conv" for n in range(layers)]
    more: dict[str, dict[str, Any]] = {
        "plain": {"model_type": "llama", "rope_theta": 10000.0},
        "sliding": {
            "model_type": "gemma3_text",
            "sliding_window": 512,
            "sliding_window_pattern": 2,
            "query_pre_attn_scalar": hidden // heads,
        },
        "hybrid": {
            "model_type": "lfm2",
            "norm_eps": 1e-6,
            "conv_bias": False,
            "conv_L_cache": 3,
            "block_dim": hidden,
            "block_ff_dim": 3 * hidden,
            "block_multiple_of": 64,
            "block_ffn_dim_multiplier": 1.0,
            "block_auto_adjust_ff_dim": False,
            "layer_types": attention,
        },
    }
    return same | more[kind]


def make(folder: Path, kind: str, hidden: int = 64, layers: int = 4) -> Path:
    """A model of a kind in `folder`, with the tiny model's tokenizer and template."""
    import mlx.core as mx
    from mlx.utils import tree_flatten

    folder.mkdir(parents=True, exist_ok=True)
    config = config_of(kind, hidden, layers)
    module = importlib.import_module(f"mlx_lm.models.{config['model_type']}")
    mx.random.seed(7)
    model = module.Model(module.ModelArgs.from_dict(config))
    mx.eval(model.parameters())
    weights = dict(tree_flatten(model.parameters()))
    _speak(weights)
    mx.save_safetensors(str(folder / "model.safetensors"), weights, {"format": "mlx"})
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("chat_template.jinja", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TINY_MODEL / name, folder / name)
    shutil.copy(TINY_MODEL / "special_tokens_map.json", folder)
    return folder


def _speak(weights: dict[str, Any]) -> None:
    """Make it say one of two letters, whatever it reads: what random weights say is mostly special
    tokens, of which nothing is seen."""
    import mlx.core as mx

    (name,) = (name for name in weights if name.endswith("embed_tokens.weight"))
    table = weights[name]
    way = 1000 * mx.random.normal((table.shape[1],)).astype(table.dtype)
    vocabulary = json.loads((TINY_MODEL / "tokenizer.json").read_text())["model"]["vocab"]
    table[vocabulary["a"]], table[vocabulary["b"]] = way, -way
    weights[name] = table


if __name__ == "__main__":
    where, kind, *size = sys.argv[1:]
    print(make(Path(where), kind, *map(int, size)))
