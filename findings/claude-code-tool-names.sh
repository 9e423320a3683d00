#!/usr/bin/env bash
# Which names of tools Claude Code runs, of those that a model may write.
#
# Guess before the run: what is in the request's `tools` runs, all else is refused; a deferred tool is
# refused until ToolSearch has loaded it, as the prompt says ("calling them directly will fail with
# InputValidationError"); the history has the name that the model wrote.
# Seen (@anthropic-ai/claude-code 2.1.332): a deferred tool runs unloaded (CronList), names of
# earlier versions run though no list has them (KillShell, Task), and Task comes back in the
# history as Agent, so that the prompt is no longer what the model wrote. bash is refused, by
# an answer that knows what was meant.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"; cp "$here/scripted_claude.py" .
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error @anthropic-ai/claude-code@2.1.332 >/dev/null

cat >run.py <<'PY'
from scripted_claude import ask, blocks, reply

CALLS = [
    ("bash", {"command": "echo a"}),
    ("CronList", {}),
    ("KillShell", {"shell_id": "x"}),
    ("Task", {"description": "d", "prompt": "p", "subagent_type": "general-purpose",
              "run_in_background": False}),
]
for call in CALLS:
    bodies, _ = ask([reply(call, stop="tool_use")], "--allowedTools", "Bash", "Agent")
    listed = call[0] in [tool.get("name") for tool in bodies[0]["tools"]]
    result = blocks(bodies, "tool_result")[0]["content"]
    text = result if isinstance(result, str) else result[0]["text"]
    back = blocks(bodies, "tool_use")[0]["name"]
    print(call[0], "listed" if listed else "not listed", "back as " + back, text.removeprefix("<tool_use_error>").split("</")[0][:29], sep=" | ")
PY
seen=$(timeout 200 python3 run.py)
echo "$seen"
expected="bash | not listed | back as bash | Error: No such tool available
CronList | not listed | back as CronList | No scheduled jobs.
KillShell | not listed | back as KillShell | No task found with ID: x
Task | not listed | back as Agent | [Subagent hand-back] The text"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
