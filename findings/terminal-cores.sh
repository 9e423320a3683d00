#!/usr/bin/env bash
# Two terminal cores that Python can load, on sequences that every terminal manual has.
#
# Guess before the run: in origin mode, moving to a column (CHA) leaves the row alone; TBC
# without its parameter is TBC 0; an alternate screen entered again (mode 1049) is empty.
# Seen: Ghostty's core (pyghostty 0.1.3) moves the cursor down by the top margin at CHA, and
# `CSI g` keeps the tab stop that `CSI 0 g` clears; bittty 0.3.0 shows the former program's
# text on the alternate screen.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv >/dev/null
venv/bin/pip install --quiet pyghostty==0.1.3 bittty==0.3.0 2>/dev/null

cat >ask.py <<'PY'
from bittty import Board
from pyghostty import Terminal

def ghostty(data):
    terminal = Terminal(20, 8)
    terminal.feed(data)
    return tuple(terminal.cursor)

def bittty(data):
    board = Board(width=20, height=8)
    board.feed_host_data(data)
    return (board.cursor.display_x, board.cursor.y), board.capture_text()

cha = b"\x1b[3;6r\x1b[?6h\x1b[H\x1b[7G"
print("CHA in origin mode: ghostty", ghostty(cha))
for name, tbc in (("CSI g", b"\x1b[g"), ("CSI 0 g", b"\x1b[0g")):
    print(f"a tab after {name}: ghostty", ghostty(b"\x1b[9G" + tbc + b"\r\t"))
again = b"\x1b[?1049hold text\x1b[?1049l\x1b[?1049h"
print("1049 entered again: bittty", repr(bittty(again)[1]))
PY
seen=$(timeout 60 venv/bin/python ask.py)
expected="CHA in origin mode: ghostty (6, 4)
a tab after CSI g: ghostty (8, 0)
a tab after CSI 0 g: ghostty (16, 0)
1049 entered again: bittty 'old text'"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
