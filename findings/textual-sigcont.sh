#!/usr/bin/env bash
# What a Textual app does when it is continued without having suspended itself.
#
# Guess before the run: SIGCONT is answered only after the app's own suspension (Ctrl+Z).
# Seen: textual 8.2.8's Linux driver starts its reading and its writing thread anew at any SIGCONT,
# beside those that run: two more for each one (2, 4, 6). The kernel sends SIGCONT with the SIGHUP of
# a closed window, so an app that handles SIGHUP to end properly meets it; at its end only the
# newest reader is waited for.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv >/dev/null
venv/bin/pip install --quiet textual==8.2.8 2>/dev/null

cat >ask.py <<'PY'
import os
import signal
import threading
from textual.app import App

class Ask(App):
    def on_mount(self):
        self.seen = []
        self.set_interval(0.3, self.look)
    def look(self):
        names = [thread.name for thread in threading.enumerate()]
        self.seen.append(sum(name.startswith("textual-") for name in names))
        if len(self.seen) == 3:
            with open("seen.txt", "w") as file:
                file.write(f"threads of the driver: {self.seen}\n")
            os._exit(0)
        os.kill(os.getpid(), signal.SIGCONT)

Ask().run()
PY
cat >in_terminal.py <<'PY'
import pty
import sys

pty.spawn([sys.executable, "ask.py"])
PY
timeout 60 venv/bin/python in_terminal.py </dev/null >/dev/null
seen=$(cat seen.txt)
expected="threads of the driver: [2, 4, 6]"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
