#!/usr/bin/env bash
# One user message (and one tool result) of two text parts, on the two servers most people run.
#
# Guess before the run: a message's text parts are one text; both servers join them without
# anything between, so that a client may cut a text into parts wherever it likes.
# Seen: mlx_lm 0.32.2 joins with nothing ("ab"), llama.cpp (xllamacpp 2026.10.11549) puts a line
# end between ("a\nb"). The same request is another prompt; a client that wants one text has to
# send one part.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"; cp "$here/tiny_gguf.py" .
python3 -m venv venv >/dev/null
packages=(xllamacpp==2026.10.11549 gguf==0.19.0 mlx-lm==0.32.2)
[ "$(uname)" = Linux ] && packages+=('mlx[cpu]==0.32.4')
venv/bin/pip install --quiet "${packages[@]}" 2>/dev/null

cat >run.py <<'PY'
import json, socket, urllib.request
import xllamacpp
from mlx_lm.server import process_message_content
from tiny_gguf import tiny

def parts(a, b):
    return [{"type": "text", "text": a}, {"type": "text", "text": b}]
CALL = {"id": "c", "type": "function", "function": {"name": "Zoom", "arguments": "{}"}}
MESSAGES = [
    {"role": "user", "content": parts("a", "b")},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c", "content": parts("c", "d")},
]
TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"

tiny("tiny.gguf")
with socket.socket() as s:
    s.bind(("127.0.0.1", 0)); port = s.getsockname()[1]
p = xllamacpp.CommonParams()
p.model.path, p.n_ctx, p.n_parallel = "tiny.gguf", 512, 1
p.hostnames, p.port, p.chat_template, p.use_jinja = ["127.0.0.1"], port, TEMPLATE, True
server = xllamacpp.Server(p)
request = urllib.request.Request(f"http://127.0.0.1:{port}/apply-template",
    json.dumps({"messages": MESSAGES}).encode(), {"content-type": "application/json"})
print("llama.cpp:", repr(json.load(urllib.request.urlopen(request, timeout=30))["prompt"]))

process_message_content(MESSAGES)  # what mlx_lm.server does before it renders
print("mlx_lm:   ", repr("".join(f"<{m['role']}>{m['content']}" for m in MESSAGES)))
PY
seen=$(timeout 200 venv/bin/python run.py 2>log) || { tail -n 20 log; exit 1; }
echo "$seen"
expected="llama.cpp: '<user>a\\nb<assistant><tool>c\\nd'
mlx_lm:    '<user>ab<assistant><tool>cd'"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
