#!/usr/bin/env bash
# A reply that reaches max_tokens inside a tool call, read by both Anthropic SDKs.
#
# Guess before the run: the input of the call is an error, or is marked, or stays the raw text:
# half of it must not look like a call.
# Seen (anthropic 2.14.0, @anthropic-ai/sdk 1.14.0): both give an ordinary tool_use block whose
# input has the unfinished part left out, and nothing on the block says so. An unfinished string
# goes with its key, the last element of an array is dropped; Python keeps an unfinished number:
# 12 where the model was about to write 120. JavaScript drops that number.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv >/dev/null
venv/bin/pip install --quiet anthropic==2.14.0 2>/dev/null
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error @anthropic-ai/sdk@1.14.0 >/dev/null

cat >server.py <<'PY'
import http.server, json
def event(kind, **rest):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **rest})}\n\n".encode()
def body(arguments):
    block = {"type": "tool_use", "id": "toolu_1", "name": "Delete", "input": {}}
    return (
        event("message_start", message={"id": "msg_1", "type": "message", "role": "assistant",
              "model": "m", "content": [], "stop_reason": None, "stop_sequence": None,
              "usage": {"input_tokens": 1, "output_tokens": 1}})
        + event("content_block_start", index=0, content_block=block)
        + event("content_block_delta", index=0,
                delta={"type": "input_json_delta", "partial_json": arguments})
        + event("content_block_stop", index=0)
        + event("message_delta", delta={"stop_reason": "max_tokens", "stop_sequence": None},
                usage={"output_tokens": 9})
        + event("message_stop")
    )
CUT = ['{"days": 12', '{"files": ["a", "b', '{"all": true, "except": "build']
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(body(CUT[asked["max_tokens"] - 1]))
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
for _ in range(6): server.handle_request()
PY
python3 server.py >port &
until [ -s port ]; do sleep 0.1; done

cat >ask.py <<'PY'
import json, sys, anthropic
client = anthropic.Anthropic(api_key="none", base_url=f"http://127.0.0.1:{sys.argv[1]}", max_retries=0)
for n in (1, 2, 3):
    with client.messages.stream(model="m", max_tokens=n, messages=[{"role": "user", "content": "hi"}]) as s:
        print("python:", json.dumps(s.get_final_message().content[0].input))
PY
cat >ask.mjs <<'JS'
import Anthropic from "@anthropic-ai/sdk";
const client = new Anthropic({ apiKey: "none", baseURL: `http://127.0.0.1:${process.argv[2]}`, maxRetries: 0 });
for (const n of [1, 2, 3]) {
  const message = await client.messages.stream({ model: "m", max_tokens: n, messages: [{ role: "user", content: "hi" }] }).finalMessage();
  console.log("javascript:", JSON.stringify(message.content[0].input));
}
JS
seen=$(timeout 60 venv/bin/python ask.py "$(cat port)"; timeout 60 node ask.mjs "$(cat port)")
echo "$seen"
expected='python: {"days": 12}
python: {"files": ["a"]}
python: {"all": true}
javascript: {}
javascript: {"files":["a"]}
javascript: {"all":true}'
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
