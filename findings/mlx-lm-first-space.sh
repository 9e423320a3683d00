#!/usr/bin/env bash
# A reply that begins with a space, as a model goes on that was cut behind a word ("Hello" + " world").
#
# Guess before the run: the pieces of a streamed reply, put together, are what the tokenizer decodes; only
# SentencePiece models have a first space that is none.
# Seen (mlx_lm 0.32.2, transformers 5.24.0): for a byte-level BPE (Qwen, Llama 3, GPT-OSS …) mlx_lm's
# streaming detokenizer leaves out one space at the start of each reply; later ones stay. Its server
# uses it for streams and whole replies. A client that resumes a reply by asking the model to go on
# gets "Helloworld".
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv >/dev/null
packages=(mlx-lm==0.32.2 transformers==5.24.0 tokenizers==0.23.3)
[ "$(uname)" = Linux ] && packages+=('mlx[cpu]==0.32.4')
venv/bin/pip install --quiet "${packages[@]}" 2>/dev/null

cat >run.py <<'PY'
import json
from pathlib import Path
from mlx_lm.tokenizer_utils import load
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

letters = sorted(pre_tokenizers.ByteLevel.alphabet())
made = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate([*letters, "<|end|>"])}, merges=[]))
made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
made.decoder = decoders.ByteLevel()
Path("model").mkdir()
made.save("model/tokenizer.json")
Path("model/tokenizer_config.json").write_text(json.dumps(
    {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>"}))
tokenizer = load(Path("model"))
for text in (" world", "  indented", "a b"):
    ids, pieces = tokenizer.encode(text), tokenizer.detokenizer
    pieces.reset()
    out = ""
    for token in ids:
        pieces.add_token(token)
        out += pieces.last_segment
    pieces.finalize()
    out += pieces.last_segment
    print(type(pieces).__name__, "decoded", repr(tokenizer.decode(ids)), "streamed", repr(out))
PY
seen=$(timeout 200 venv/bin/python run.py 2>log) || { tail -n 20 log; exit 1; }
echo "$seen"
expected="BPEStreamingDetokenizer decoded ' world' streamed 'world'
BPEStreamingDetokenizer decoded '  indented' streamed ' indented'
BPEStreamingDetokenizer decoded 'a b' streamed 'a b'"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
