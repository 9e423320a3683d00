#!/usr/bin/env bash
# Whole numbers beyond 2**63 (an unsigned 64-bit id or hash, the upper limit of an unsigned type)
# in a tool's schema, in a request to llama.cpp's server.
#
# Guess before the run: they reach the prompt as they are, or as a float with 17 digits, as numbers
# that are too large do in other JSON programs; 2**63 - 1 is kept.
# Seen (xllamacpp 2026.10.11549): its template engine writes them negative. A tool that takes at
# most 18446744073709551615 is offered to the model with a maximum of -1, the example
# 12345678901234567890 is -6101065172474983726 (so is such an argument in the history), without an
# error. Jinja with transformers' settings (5.24.0) writes the numbers.
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
    "{% for t in tools %}[{{ t.function.parameters.properties.id | tojson }}]{% endfor %}"
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
)
LIMITS = {"type": "integer", "maximum": 2**64 - 1, "examples": [12345678901234567890, 2**63 - 1]}
TOOLS = [{"type": "function", "function": {"name": "Find", "description": "d", "parameters": {
    "type": "object", "properties": {"id": LIMITS}}}}]
MESSAGES = [{"role": "user", "content": "hi"}]
print("jinja:    ", render_jinja_template([MESSAGES], tools=TOOLS, chat_template=TEMPLATE)[0][0])

tiny("tiny.gguf")
with socket.socket() as s:
    s.bind(("127.0.0.1", 0)); port = s.getsockname()[1]
p = xllamacpp.CommonParams()
p.model.path, p.n_ctx, p.n_parallel = "tiny.gguf", 512, 1
p.hostnames, p.port, p.chat_template, p.use_jinja = ["127.0.0.1"], port, TEMPLATE, True
server = xllamacpp.Server(p)
body = {"messages": MESSAGES, "tools": TOOLS}
request = urllib.request.Request(f"http://127.0.0.1:{port}/apply-template",
    json.dumps(body).encode(), {"content-type": "application/json"})
print("llama.cpp:", json.load(urllib.request.urlopen(request, timeout=30))["prompt"])
PY
seen=$(timeout 200 venv/bin/python run.py 2>log) || { tail -n 20 log; exit 1; }
echo "$seen"
expected='jinja:     [{"type": "integer", "maximum": 18446744073709551615, "examples": [12345678901234567890, 9223372036854775807]}]<user>hi
llama.cpp: [{"type": "integer", "maximum": -1, "examples": [-6101065172474983726, 9223372036854775807]}]<user>hi'
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
