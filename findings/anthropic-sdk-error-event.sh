#!/usr/bin/env bash
# An `overloaded_error` event within a stream, after HTTP 200, read by both Anthropic SDKs.
#
# Guess before the run: both raise what they raise for the status 529 (Python: OverloadedError, or
# at least an InternalServerError), so that one `except` serves for both; and nothing having come yet, the
# request is sent again (max_retries is 2).
# Seen (the event with max_retries 2, the status with 0): anthropic 2.14.0 (Python) raises a plain APIStatusError whose status_code is 200;
# @anthropic-ai/sdk 1.14.0 (JavaScript) an APIError whose status is undefined. Neither asks again.
# Code that looks at the status takes it for a success or for nothing; the type is in the body only.
set -euo pipefail
dir=$(mktemp -d); trap 'kill $server 2>/dev/null; rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv >/dev/null
venv/bin/pip install --quiet anthropic==2.14.0 2>/dev/null
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error @anthropic-ai/sdk@1.14.0 >/dev/null

cat >server.py <<'PY'
import http.server, json
ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        print("asked by", asked["model"], flush=True)
        streamed = asked["max_tokens"] == 1
        self.send_response(200 if streamed else 529)
        self.send_header("content-type", "text/event-stream" if streamed else "application/json")
        self.end_headers()
        event = json.dumps(ERROR)
        self.wfile.write((f"event: error\ndata: {event}\n\n" if streamed else event).encode())
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
open("port", "w").write(str(server.server_port))
server.serve_forever()
PY
python3 server.py >requests & server=$!
until [ -s port ]; do sleep 0.1; done

cat >ask.py <<'PY'
import sys, anthropic
for n, retries in ((1, 2), (2, 0)):
    client = anthropic.Anthropic(api_key="none", base_url=f"http://127.0.0.1:{sys.argv[1]}",
                                 max_retries=retries)
    try:
        with client.messages.stream(model="python", max_tokens=n,
                                    messages=[{"role": "user", "content": "hi"}]) as s:
            s.get_final_message()
    except anthropic.APIError as error:
        print("python:", "event" if n == 1 else "status", type(error).__name__, error.status_code)
PY
cat >ask.mjs <<'JS'
import Anthropic from "@anthropic-ai/sdk";
for (const [n, maxRetries] of [[1, 2], [2, 0]]) {
  const client = new Anthropic({ apiKey: "none", baseURL: `http://127.0.0.1:${process.argv[2]}`, maxRetries });
  try {
    await client.messages.stream({ model: "javascript", max_tokens: n, messages: [{ role: "user", content: "hi" }] }).finalMessage();
  } catch (error) { console.log("javascript:", n === 1 ? "event" : "status", error.constructor.name, error.status); }
}
JS
seen=$(timeout 60 venv/bin/python ask.py "$(cat port)"; timeout 60 node ask.mjs "$(cat port)"; sort requests | uniq -c | tr -s ' ')
echo "$seen"
expected="python: event APIStatusError 200
python: status OverloadedError 529
javascript: event APIError undefined
javascript: status OverloadedError 529
 2 asked by javascript
 2 asked by python"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
