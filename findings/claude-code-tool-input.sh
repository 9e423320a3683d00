#!/usr/bin/env bash
# What Claude Code does with slips in a tool call's input, and how it sends the call back.
#
# Guess before the run: `null` for an optional parameter counts as left out; a string where the
# schema wants a number is refused; a command is killed after `timeout` ms; a call comes back in the
# history as the model wrote it.
# Seen (@anthropic-ai/claude-code 2.1.332, otherwise each time):
#   timeout null      refused: "type is expected as `number` but provided as `null`"
#   timeout "5000"    runs, and comes back as the number 5000
#   limit "2" (Read)  is obeyed too, but comes back as the string "2"
#   timeout 60        (a model that means seconds) counts as 1 s; then the command is not killed but
#                     goes on in the background, and the model is told an id
#   Edit              comes back with replace_all added, as the first member
# A proxy that wants the history byte for byte (for the prompt cache) has to remember it by call id.
set -euo pipefail
dir=$(mktemp -d); trap 'kill $server 2>/dev/null; rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error @anthropic-ai/claude-code@2.1.332 >/dev/null
mkdir work home; printf 'one\ntwo\nthree\n' >work/f.txt

cat >server.py <<'PY'
import http.server, json, os
FILE = os.path.realpath("work/f.txt")
CALLS = [
    ("Bash", {"command": "echo a", "timeout": None}),
    ("Bash", {"command": "echo a", "timeout": "5000"}),
    ("Read", {"file_path": FILE, "limit": "2"}),
    ("Edit", {"file_path": FILE, "old_string": "one", "new_string": "1"}),
    ("Bash", {"command": "echo a; sleep 3", "timeout": 60}),
]
turn = 0
def event(kind, **rest):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **rest})}\n\n".encode()
def tell(body):
    """How the last call came back, and the first words of its result."""
    blocks = [b for m in body["messages"] if isinstance(m["content"], list) for b in m["content"]]
    call = [b for b in blocks if b.get("type") == "tool_use"][-1]["input"]
    result = str([b for b in blocks if b.get("type") == "tool_result"][-1]["content"])
    call = {k: v for k, v in call.items() if k not in ("file_path", "command")}
    said = "refused" if "InputValidationError" in result else (
        "to the background after 1 s" if "within its 1s timeout and was moved" in result else
        "2 lines" if "2\ttwo" in result and "3\tthree" not in result else "done")
    print(json.dumps(call), "|", said, flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(200); self.end_headers()
    def do_POST(self):
        global turn
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not 0 < len(body.get("tools", [])): name = None
        else:
            if 0 < turn <= len(CALLS): tell(body)
            name, given = CALLS[turn] if turn < len(CALLS) else (None, None)
            turn += 1
        self.send_response(200); self.send_header("content-type", "text/event-stream"); self.end_headers()
        out = event("message_start", message={"id": f"msg_{turn}", "type": "message",
            "role": "assistant", "model": "m", "content": [], "stop_reason": None,
            "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1}})
        if name:
            out += event("content_block_start", index=0, content_block={"type": "tool_use",
                "id": f"toolu_{turn:04}", "name": name, "input": {}})
            out += event("content_block_delta", index=0, delta={"type": "input_json_delta",
                "partial_json": json.dumps(given)})
        else:
            out += event("content_block_start", index=0, content_block={"type": "text", "text": ""})
            out += event("content_block_delta", index=0, delta={"type": "text_delta", "text": "done"})
        out += event("content_block_stop", index=0)
        out += event("message_delta", delta={"stop_reason": "tool_use" if name else "end_turn",
            "stop_sequence": None}, usage={"output_tokens": 5}) + event("message_stop")
        self.wfile.write(out)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
open("port", "w").write(str(server.server_port))
server.serve_forever()
PY
python3 server.py >seen 2>/dev/null & server=$!
until [ -s port ]; do sleep 0.1; done
cd work
env -i PATH="$PATH" HOME="$dir/home" ANTHROPIC_BASE_URL="http://127.0.0.1:$(cat ../port)" \
  ANTHROPIC_AUTH_TOKEN=none ANTHROPIC_MODEL=claude-sonnet-4-5 DISABLE_AUTOUPDATER=1 \
  DISABLE_TELEMETRY=1 CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 \
  CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL=1 \
  timeout 180 ../node_modules/.bin/claude -p hi --allowedTools Bash Read Edit </dev/null >/dev/null 2>&1 || true
cd ..
expected='{"timeout": null} | refused
{"timeout": 5000} | done
{"limit": "2"} | 2 lines
{"replace_all": false, "old_string": "one", "new_string": "1"} | done
{"timeout": 60} | to the background after 1 s'
cat seen
[ "$(cat seen)" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
