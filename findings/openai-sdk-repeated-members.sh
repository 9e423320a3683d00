#!/usr/bin/env bash
# A stream that repeats a call's id and name, and the role, in every delta (mlx_lm 0.32.2 repeats
# the role, several local servers all three), read by the helpers of both OpenAI SDKs.
#
# Guess before the run: id, name and role are taken once, the last or the first of them; only
# content and arguments are put together. Both SDKs give the same message.
# Seen: openai 3.57.0 (Python) puts every string together: role "assistantassistant", a call
# "call_1call_1" of a tool "ZoomZoom", and raises nothing. openai 6.49.0 (JavaScript) gives
# the message as it was meant. A server has to send id, name and role once.
set -euo pipefail
dir=$(mktemp -d); trap 'kill $server 2>/dev/null; rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv >/dev/null
venv/bin/pip install --quiet openai==3.57.0 2>/dev/null
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error openai@6.49.0 >/dev/null

cat >server.py <<'PY'
import http.server, json
def call(arguments):
    function = {"name": "Zoom", "arguments": arguments}
    return {"role": "assistant", "tool_calls": [
        {"index": 0, "id": "call_1", "type": "function", "function": function}]}
def chunk(delta, finish=None):
    return "data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1,
        "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}) + "\n\n"
BODY = chunk(call('{"a": ')) + chunk(call("1}")) + chunk({}, "tool_calls") + "data: [DONE]\n\n"
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(BODY.encode())
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PY
python3 server.py >port & server=$!
until [ -s port ]; do sleep 0.1; done

cat >ask.py <<'PY'
import sys, openai
client = openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{sys.argv[1]}/v1", max_retries=0)
with client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "hi"}]) as s:
    message = s.get_final_completion().choices[0].message
call = message.tool_calls[0]
print("python:", message.role, call.id, call.function.name, call.function.arguments)
PY
cat >ask.mjs <<'JS'
import OpenAI from "openai";
const client = new OpenAI({ apiKey: "none", baseURL: `http://127.0.0.1:${process.argv[2]}/v1`, maxRetries: 0 });
const stream = client.chat.completions.stream({ model: "m", messages: [{ role: "user", content: "hi" }] });
const message = (await stream.finalChatCompletion()).choices[0].message;
const call = message.tool_calls[0];
console.log("javascript:", message.role, call.id, call.function.name, call.function.arguments);
JS
seen=$(timeout 60 venv/bin/python ask.py "$(cat port)"; timeout 60 node ask.mjs "$(cat port)")
echo "$seen"
expected='python: assistantassistant call_1call_1 ZoomZoom {"a": 1}
javascript: assistant call_1 Zoom {"a": 1}'
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
