#!/usr/bin/env bash
# One chat template, one request, rendered by llama.cpp's own template engine and by Jinja with the
# settings of transformers (which mlx_lm and vLLM use).
#
# Guess before the run: the same text, byte for byte; the engine says what it does not know.
# Seen (xllamacpp 2026.10.11549, transformers 5.24.0): no error, and six differences:
#   {{ none }} is empty, not None; none|default('d') is d, not None; 'a' ~ none is a, not aNone;
#   a list is printed as its elements run together; a dict is printed as nothing;
#   tojson writes 1.0 as 1, so a tool's schema gives another prompt (and another prompt cache).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv >/dev/null
venv/bin/pip install --quiet xllamacpp==2026.10.11549 transformers==5.24.0 jinja2==3.1.6 gguf==0.19.0 2>/dev/null

cat >run.py <<'PY'
import json, socket, urllib.request
import gguf, numpy as np, xllamacpp
from transformers.utils.chat_template_utils import render_jinja_template

def tiny(path):
    """A Llama of one layer with random weights; its vocabulary is the 256 bytes."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {b: chr(b) for b in kept}
    for b in range(256):
        letters.setdefault(b, chr(256 + len(letters) - len(kept)))
    tokens = [letters[b] for b in range(256)] + ["<|end|>"]
    width, random = 32, np.random.default_rng(1)
    g = gguf.GGUFWriter(path, "llama")
    for name, value in {"context_length": 2048, "embedding_length": width, "block_count": 1,
                        "feed_forward_length": 64, "attention.head_count": 2,
                        "rope.dimension_count": 16, "vocab_size": len(tokens)}.items():
        g.add_uint32(f"llama.{name}", value)
    g.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    g.add_tokenizer_model("gpt2"); g.add_tokenizer_pre("gpt-2")
    g.add_token_list(tokens); g.add_token_types([1] * 256 + [3])
    g.add_token_merges([f"{letters[97]} {letters[98]}"])
    g.add_bos_token_id(256); g.add_eos_token_id(256)
    shapes = {"token_embd": (len(tokens), width), "output_norm": (width,),
              "blk.0.attn_norm": (width,), "blk.0.ffn_norm": (width,),
              "blk.0.ffn_gate": (64, width), "blk.0.ffn_up": (64, width),
              "blk.0.ffn_down": (width, 64)}
    shapes |= {f"blk.0.attn_{n}": (width, width) for n in ("q", "k", "v", "output")}
    for name, shape in shapes.items():
        g.add_tensor(f"{name}.weight", random.normal(0, 0.1, shape).astype(np.float32))
    g.write_header_to_file(); g.write_kv_data_to_file(); g.write_tensors_to_file(); g.close()

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if tools %}"
    "[{{ none }}][{{ none|default('d') }}][{{ 'a' ~ none }}][{{ ['a', 'b'] }}][{{ {'k': 'v'} }}]"
    "[{{ tools[0].function.parameters.properties.n|tojson }}]{% endif %}"
)
MESSAGES = [{"role": "user", "content": "hi"}]
TOOLS = [{"type": "function", "function": {"name": "Zoom", "description": "d", "parameters": {
    "type": "object", "properties": {"n": {"type": "number", "minimum": 1.0}}}}}]
print("jinja:    ", render_jinja_template([MESSAGES], tools=TOOLS, chat_template=TEMPLATE)[0][0])

tiny("tiny.gguf")
with socket.socket() as s:
    s.bind(("127.0.0.1", 0)); port = s.getsockname()[1]
p = xllamacpp.CommonParams()
p.model.path, p.n_ctx, p.n_parallel = "tiny.gguf", 512, 1
p.hostnames, p.port, p.chat_template, p.use_jinja = ["127.0.0.1"], port, TEMPLATE, True
server = xllamacpp.Server(p)
request = urllib.request.Request(
    f"http://127.0.0.1:{port}/apply-template",
    json.dumps({"messages": MESSAGES, "tools": TOOLS}).encode(),
    {"content-type": "application/json"},
)
print("llama.cpp:", json.load(urllib.request.urlopen(request, timeout=30))["prompt"])
PY
seen=$(timeout 200 venv/bin/python run.py 2>log) || { tail -n 20 log; exit 1; }
echo "$seen"
expected="jinja:     <user>hi[None][None][aNone][['a', 'b']][{'k': 'v'}][{\"type\": \"number\", \"minimum\": 1.0}]
llama.cpp: <user>hi[][d][a][ab][][{\"type\": \"number\", \"minimum\": 1}]"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
