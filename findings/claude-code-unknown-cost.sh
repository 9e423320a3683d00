#!/usr/bin/env bash
# What Claude Code thinks a model costs that it does not know, and what it does with that.
#
# Guess before the run: a model that is in no price list costs nothing, or an unknown sum, and
# `--max-budget-usd` does not count it.
# Seen (@anthropic-ai/claude-code 2.1.332): each million tokens of a model of any name is 4 USD of
# input, 0.20 cached, 20 output; `costBasis: "unknown"` says so in `modelUsage` only, not beside
# `total_cost_usd`. `--max-budget-usd` counts it: a local model's run ends in mid-loop, its call
# left without an answer.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"; cp "$here/scripted_claude.py" .
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error @anthropic-ai/claude-code@2.1.332 >/dev/null

cat >run.py <<'PY'
import json
from scripted_claude import ask, reply

def cost(**usage):
    usage = {"input_tokens": 0, "output_tokens": 0, **usage}
    _, out = ask([reply("done", stop="end_turn", usage=usage)], "--output-format", "json")
    told = json.loads(out)
    return told["total_cost_usd"], told["modelUsage"]["local-model"]["costBasis"]
million = 1_000_000
print("input:", *cost(input_tokens=million))
print("cached:", *cost(cache_read_input_tokens=million))
print("output:", *cost(output_tokens=million))
call = reply(("Bash", {"command": "echo a"}), stop="tool_use",
             usage={"input_tokens": million, "output_tokens": 1})
bodies, out = ask([call], "--output-format", "json", "--max-budget-usd", "1", "--allowedTools", "Bash")
told = json.loads(out)
print(len(bodies), "request,", told["subtype"], told["errors"])
PY
seen=$(timeout 200 python3 run.py)
echo "$seen"
expected="input: 4 unknown
cached: 0.2 unknown
output: 20 unknown
1 request, error_max_budget_usd ['Reached maximum budget (\$1)']"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
