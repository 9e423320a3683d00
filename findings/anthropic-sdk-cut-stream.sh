#!/usr/bin/env bash
# A Messages stream whose connection ends in mid-text, read by both Anthropic SDKs.
#
# Guess before the run: both raise, since `message_stop` never came; an application can rely on
# `get_final_message()` / `finalMessage()` to mean that the reply is whole.
# Seen: anthropic 2.14.0 (Python) returns an ordinary Message with stop_reason None and raises
# nothing; @anthropic-ai/sdk 1.14.0 (JavaScript) rejects. A reader on Python has to look at
# stop_reason itself.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv >/dev/null
venv/bin/pip install --quiet anthropic==2.14.0 2>/dev/null
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error @anthropic-ai/sdk@1.14.0 >/dev/null

cat >server.py <<'PY'
import http.server, json, sys
def event(kind, **rest):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **rest})}\n\n".encode()
BODY = (
    event("message_start", message={"id": "msg_1", "type": "message", "role": "assistant",
          "model": "m", "content": [], "stop_reason": None, "stop_sequence": None,
          "usage": {"input_tokens": 1, "output_tokens": 1}})
    + event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    + event("content_block_delta", index=0, delta={"type": "text_delta", "text": "The answer"})
)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(BODY)
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.handle_request(); server.handle_request()
PY
python3 server.py >port & 
until [ -s port ]; do sleep 0.1; done

cat >ask.py <<'PY'
import sys, anthropic
client = anthropic.Anthropic(api_key="none", base_url=f"http://127.0.0.1:{sys.argv[1]}", max_retries=0)
with client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]) as s:
    message = s.get_final_message()
print("python:", message.stop_reason, repr(message.content[0].text))
PY
cat >ask.mjs <<'JS'
import Anthropic from "@anthropic-ai/sdk";
const client = new Anthropic({ apiKey: "none", baseURL: `http://127.0.0.1:${process.argv[2]}`, maxRetries: 0 });
try {
  const message = await client.messages.stream({ model: "m", max_tokens: 9, messages: [{ role: "user", content: "hi" }] }).finalMessage();
  console.log("javascript:", message.stop_reason, message.content[0].text);
} catch (error) { console.log("javascript:", error.message); }
JS
seen=$(timeout 60 venv/bin/python ask.py "$(cat port)"; timeout 60 node ask.mjs "$(cat port)")
expected="python: None 'The answer'
javascript: stream ended without producing a Message with role=assistant"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
