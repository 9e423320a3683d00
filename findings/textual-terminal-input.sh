#!/usr/bin/env bash
# What Textual's parser makes of input that terminals send besides plain keys.
#
# Guess before the run: a key's release in the kitty protocol is ignored, or an event of its
# own; an answer to a colour query that nobody waits for is dropped, as an unknown sequence.
# Seen: textual 8.2.8 raises ValueError for the release (in a running app that ends the input
# thread, and the app with exit code 0), and types the answer, character by character (ESC as ^), into
# the focused widget.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv >/dev/null
venv/bin/pip install --quiet textual==8.2.8 2>/dev/null

cat >ask.py <<'PY'
from textual import events
from textual._xterm_parser import XTermParser

try:
    print("a release:", list(XTermParser().feed("\x1b[97;1:3u")))
except ValueError as error:
    print("a release:", type(error).__name__, error)
typed = [e.character for e in XTermParser().feed("\x1b]11;rgb:0000/0000/0000\x1b\\") if isinstance(e, events.Key)]
print("a colour's answer:", "".join(c or "?" for c in typed))
PY
seen=$(timeout 60 venv/bin/python ask.py)
expected="a release: ValueError invalid literal for int() with base 10: '1:3'
a colour's answer: ^]11;rgb:0000/0000/0000"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
