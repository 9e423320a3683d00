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
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"; cp "$here/tiny_gguf.py" .
python3 -m venv venv >/dev/null
venv/bin/pip install --quiet xllamacpp==2026.10.11549 transformers==5.24.0 jinja2==3.1.6 gguf==0.19.0 2>/dev/null

cat >run.py <<'PY'
import json, socket, urllib.request
import xllamacpp
from transformers.utils.chat_template_utils import render_jinja_template
from tiny_gguf import tiny

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
