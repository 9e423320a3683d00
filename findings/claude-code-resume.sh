#!/usr/bin/env bash
# A reply that ends in mid-text, before Claude Code with -p and in its terminal.
#
# Guess before the run: both are one client, so both carry on from the same endings, and a stop
# reason of tool_use without a call is an end.
# Seen (@anthropic-ai/claude-code 2.1.332): an `error` event behind a finished block is resumed from with
# -p ("cut off mid-stream"), and ends the turn in the terminal with an error on the screen; so a server
# that wants to be carried on from there has max_tokens only, of which the model is told as a limit.
# stop_reason tool_use without a call drops the text, and the model is told that it "failed to produce a
# valid tool call", which it then looks for.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"; cp "$here/scripted_claude.py" .
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error @anthropic-ai/claude-code@2.1.332 >/dev/null

cat >run.py <<'PY'
import fcntl, json, os, pty, select, struct, termios, time
import scripted_claude
from scripted_claude import DONE, ask, event, reply


def fails(n):
    whole = reply("Once upon", stop="end_turn")(n)
    error = {"type": "api_error", "message": "The backend went away"}
    return whole[: whole.index(b"event: message_delta")] + event("error", error=error)


def in_a_terminal(args, *, cwd, env, timeout, **_):
    """In place of subprocess.run: the same program on a PTY, where "hi" is typed."""
    settings = {"hasCompletedOnboarding": True, "projects": {
        os.path.realpath(cwd): {"hasTrustDialogAccepted": True}}}
    with open(env["HOME"] + "/.claude.json", "w") as file:
        json.dump(settings, file)
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(args[0], args[:1], {**env, "TERM": "xterm-256color", "LANG": "C.UTF-8"})
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    seen, typed, end = b"", False, time.monotonic() + 45
    while time.monotonic() < end and b"done" not in seen and b"mid-response" not in seen:
        if select.select([fd], [], [], 1)[0]:
            seen += os.read(fd, 65536)
        elif not typed and "❯".encode() in seen:
            typed = True
            os.write(fd, b"hi")
            time.sleep(0.5)
            os.write(fd, b"\r")
    time.sleep(1)
    os.kill(pid, 9)
    os.waitpid(pid, 0)

    class Ended:
        stdout = ""

    return Ended


plain = scripted_claude.subprocess.run
for where, run in (("-p", plain), ("terminal", in_a_terminal)):
    scripted_claude.subprocess.run = run
    for name, first in (
        ("error", fails),
        ("max_tokens", reply("Once upon", stop="max_tokens")),
        ("tool_use", reply("Once upon", stop="tool_use")),
    ):
        bodies, _ = ask([first, DONE])
        later = str(bodies[1]["messages"]) if len(bodies) > 1 else ""
        words = [w for w in ("cut off mid-stream", "Output token limit hit", "valid tool call") if w in later]
        print(where, name, len(bodies), "Once upon" in later, words, sep=" | ")
PY
seen=$(timeout 400 python3 run.py)
echo "$seen"
expected="-p | error | 2 | True | ['cut off mid-stream']
-p | max_tokens | 2 | True | ['Output token limit hit']
-p | tool_use | 2 | False | ['valid tool call']
terminal | error | 1 | False | []
terminal | max_tokens | 2 | True | ['Output token limit hit']
terminal | tool_use | 2 | False | ['valid tool call']"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
