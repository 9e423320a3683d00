#!/usr/bin/env bash
# mlx_lm's server answers one request; another one comes. When is it let in?
#
# Guess before the run: as in other servers that batch continuously, at the next step: after a token.
# Seen (mlx_lm 0.32.2): it looks for new requests only after half a second of steps, or when nothing
# runs. The second request's first token comes up to 0.5 s later than alone, hundreds of the first
# one's tokens in between; and two short requests that are sent one just after the other are served
# in line, so that whoever tries with them whether the server batches sees one that does not.
set -euo pipefail
dir=$(mktemp -d); server=; trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv >/dev/null
packages=(mlx-lm==0.32.2 transformers==5.24.0 tokenizers==0.23.3)
[ "$(uname)" = Linux ] && packages+=('mlx[cpu]==0.32.4')
venv/bin/pip install --quiet "${packages[@]}" 2>/dev/null

cat >make.py <<'PY'
"""A Llama of one layer with random weights, over bytes."""
import json
from pathlib import Path
import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.models import llama
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

letters = sorted(pre_tokenizers.ByteLevel.alphabet())
made = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate([*letters, "<|end|>"])}, merges=[]))
made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
made.decoder = decoders.ByteLevel()
Path("model").mkdir()
made.save("model/tokenizer.json")
Path("model/tokenizer_config.json").write_text(json.dumps(
    {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>",
     "chat_template": "{% for m in messages %}{{ m.content }}{% endfor %}"}))
config = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 1, "intermediate_size": 128,
          "num_attention_heads": 2, "num_key_value_heads": 2, "rms_norm_eps": 1e-5,
          "vocab_size": 257, "max_position_embeddings": 8192, "tie_word_embeddings": True}
Path("model/config.json").write_text(json.dumps(config))
mx.random.seed(1)
model = llama.Model(llama.ModelArgs.from_dict(config))
mx.save_safetensors("model/model.safetensors", dict(tree_flatten(model.parameters())),
                    metadata={"format": "mlx"})
PY

cat >ask.py <<'PY'
import json, sys, threading, time, urllib.request

URL = f"http://127.0.0.1:{sys.argv[1]}/v1/chat/completions"

def ask(words, tokens, times, first=lambda: None):
    """Streams a reply; the moments of its pieces of text go to `times`."""
    body = {"model": "default_model", "messages": [{"role": "user", "content": words}],
            "max_tokens": tokens, "stream": True, "logit_bias": {"256": -100}}
    request = urllib.request.Request(URL, json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        for line in reply:
            if line.startswith(b"data: {") and b'"choices"' in line:
                times.append(time.perf_counter())
                if len(times) == 1:
                    first()

def started(words, tokens):
    times, begun = [], threading.Event()
    thread = threading.Thread(target=ask, args=(words, tokens, times, begun.set))
    thread.start()
    begun.wait()
    return thread, times

ask("warm up", 8, [])
alone, began = [], time.perf_counter()
ask("alone", 8, alone)
alone_s = alone[0] - began
waits, between = [], []
for number in range(5):
    thread, long = started(f"long {number}", 3000)
    asked, second = time.perf_counter(), []
    ask(f"second {number}", 8, second)
    waits.append(second[0] - asked)
    between.append(sum(asked < moment < second[0] for moment in long))
    thread.join()
in_line = 0
for number in range(5):
    thread, first = started(f"short {number}", 30)
    second = []
    ask(f"after it {number}", 30, second)
    thread.join()
    in_line += second[0] > first[-1]
print(f"first token alone {alone_s * 1000:.0f} ms, beside another {max(waits) * 1000:.0f} ms at most,"
      f" {max(between)} tokens of the other in between; short ones in line: {in_line} of 5")
print("lets in at the next step:", max(between) < 5)
print("short ones overlap:", in_line < 3)
PY
timeout 100 venv/bin/python make.py
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
HF_HUB_OFFLINE=1 venv/bin/python -m mlx_lm server --model model --port "$port" >log 2>&1 & server=$!
for _ in $(seq 120); do
  curl -sf "http://127.0.0.1:$port/health" >/dev/null && break; sleep 0.5
done
seen=$(timeout 150 venv/bin/python ask.py "$port") || { tail -n 20 log; exit 1; }
echo "mlx-lm $(venv/bin/pip show mlx-lm | sed -n 's/^Version: //p')"
echo "$seen"
echo "$seen" | grep -qx "lets in at the next step: False" && echo "$seen" | grep -qx "short ones overlap: False"
