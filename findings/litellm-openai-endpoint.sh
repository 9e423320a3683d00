#!/usr/bin/env bash
# litellm's Messages API (what its proxy serves to Claude Code) before a local server that is named as
# litellm's documentation of OpenAI-compatible endpoints says: `openai/NAME` with `api_base`.
#
# Guess before the run: every request becomes POST /v1/chat/completions, the one endpoint that
# every such server has.
# Seen (litellm 1.110.2): a request goes to /v1/responses, which mlx_lm.server and others do not have (404);
# the same request with `stop_sequences` goes to /v1/chat/completions. So a server works or fails by
# a member of the request. `hosted_vllm/NAME` always takes chat completions.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv >/dev/null
venv/bin/pip install --quiet litellm==1.110.2 openai==3.57.0 2>/dev/null

cat >run.py <<'PY'
import asyncio, http.server, json, os, threading
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # asks nobody for prices
import litellm

paths = []
CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
         "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        paths.append(self.path)
        known = self.path == "/v1/chat/completions"
        self.send_response(200 if known else 404)
        self.send_header("content-type", "text/event-stream" if known else "text/plain")
        self.end_headers()
        self.wfile.write(f"data: {json.dumps(CHUNK)}\n\ndata: [DONE]\n\n".encode() if known else b"Not Found")
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()

async def ask(model, **more):
    paths.clear()
    try:
        stream = await litellm.anthropic.messages.acreate(
            model=model, api_base=f"http://127.0.0.1:{server.server_port}/v1", api_key="none",
            max_tokens=9, stream=True, messages=[{"role": "user", "content": "hi"}], **more)
        out = b"".join([piece async for piece in stream])
        said = "a reply" if b'"text": "hi"' in out else "no reply"
    except Exception as error:
        said = type(error).__name__
    return f"{model} {' '.join(more)}: {paths[-1]} {said}"
async def main():
    told = [await ask("openai/m"), await ask("openai/m", stop_sequences=["X"]), await ask("hosted_vllm/m")]
    open("told", "w").write("\n".join(told))
asyncio.run(main())
PY
timeout 200 venv/bin/python run.py >log 2>&1 || { tail -n 20 log; exit 1; }
seen=$(cat told)
echo "$seen"
expected="openai/m : /v1/responses NotFoundError
openai/m stop_sequences: /v1/chat/completions a reply
hosted_vllm/m : /v1/chat/completions a reply"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
