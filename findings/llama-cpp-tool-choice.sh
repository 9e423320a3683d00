#!/usr/bin/env bash
# `tool_choice` in the form that names a tool, as OpenAI documents it, before llama.cpp's server.
#
# Guess before the run: the grammar forces a call of that tool, or the request is refused, as an
# unknown string is.
# Seen (xllamacpp 2026.10.11549): neither. The reply is the one that "auto" gives, byte for byte,
# and ends without a call; only "required" is forced (this model of random weights then goes on until
# max_tokens, since it may not end without a call). A string that is no choice is a 400. To
# force one tool, offer only that one with "required".
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"; cp "$here/tiny_gguf.py" .
python3 -m venv venv >/dev/null
venv/bin/pip install --quiet xllamacpp==2026.10.11549 gguf==0.19.0 2>/dev/null

cat >run.py <<'PY'
import json, socket, urllib.error, urllib.request
import xllamacpp
from tiny_gguf import tiny

TEMPLATE = (
    "{% if tools %}<tools>{% for t in tools %}{{ t | tojson }}{% endfor %}</tools>{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "{% for c in m.tool_calls or [] %}<tool_call>\n"
    '{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}\n'
    "</tool_call>{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TOOLS = [{"type": "function", "function": {"name": n, "description": "d",
          "parameters": {"type": "object", "properties": {}}}} for n in ("Pan", "Zoom")]
tiny("tiny.gguf")
with socket.socket() as s:
    s.bind(("127.0.0.1", 0)); port = s.getsockname()[1]
p = xllamacpp.CommonParams()
p.model.path, p.n_ctx, p.n_parallel = "tiny.gguf", 2048, 1
p.hostnames, p.port, p.chat_template, p.use_jinja = ["127.0.0.1"], port, TEMPLATE, True
server = xllamacpp.Server(p)
def chat(choice):
    body = {"messages": [{"role": "user", "content": "hi"}], "tools": TOOLS, "seed": 3,
            "temperature": 0.5, "max_tokens": 120, "tool_choice": choice}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions",
        json.dumps(body).encode(), {"content-type": "application/json"})
    try:
        return json.load(urllib.request.urlopen(request, timeout=60))["choices"][0]
    except urllib.error.HTTPError as error:
        return error.code
auto, required = chat("auto"), chat("required")
named = chat({"type": "function", "function": {"name": "Zoom"}})
print("auto:", auto["finish_reason"], "| required:", required["finish_reason"],
      "| named:", named["finish_reason"], "| 'Zoom':", chat("Zoom"))
print("named is auto:", named == auto, "| calls:", named["message"].get("tool_calls"))
PY
seen=$(timeout 200 venv/bin/python run.py 2>log) || { tail -n 20 log; exit 1; }
echo "$seen"
expected="auto: stop | required: length | named: stop | 'Zoom': 400
named is auto: True | calls: None"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
