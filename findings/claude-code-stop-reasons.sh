#!/usr/bin/env bash
# The stop reasons that the Messages API has besides the common ones, before Claude Code.
#
# Guess before the run: `pause_turn` is sent back to go on, as the API's documentation tells its
# clients; `model_context_window_exceeded` leads to a compaction, as a 400 of an overflow does.
# Seen (@anthropic-ai/claude-code 2.1.332): `pause_turn` is an end like any other, half a reply is
# the result. `model_context_window_exceeded` is told the model as a limit of *output* tokens, and
# what does not fit is asked for again with max_tokens 128000 instead of 32000, three times, without a
# compaction; the error at the end names the window. A server that is full does better with a 400.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"; cp "$here/scripted_claude.py" .
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error @anthropic-ai/claude-code@2.1.332 >/dev/null

cat >run.py <<'PY'
from scripted_claude import ask, reply

bodies, out = ask([reply("Half a", stop="pause_turn")])
print("pause_turn:", len(bodies), "request,", repr(out))
full = "model_context_window_exceeded"
bodies, out = ask([reply("Half a", stop=full)] * 9)
said = str(bodies[-1]["messages"][-1]["content"])
print(full + ":", [body["max_tokens"] for body in bodies], "Output token limit hit" in said, repr(out))
PY
seen=$(timeout 200 python3 run.py)
echo "$seen"
expected="pause_turn: 1 request, 'Half a\\n'
model_context_window_exceeded: [32000, 128000, 128000, 128000] True 'API Error: The model has reached its context window limit.\\n'"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
