#!/usr/bin/env bash
# How far a message travels that a widget posts while it is painted.
#
# Guess before the run: a message bubbles from the widget that posted it to the app, wherever
# post_message was called from.
# Seen: textual 8.2.8 takes whoever is running for the sender, and stops the message there on its
# way up. Posted in a timer of the widget it reaches the app; posted in its render, which the screen
# calls, it ends at the screen; with set_sender(self) it reaches the app from there too.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv >/dev/null
venv/bin/pip install --quiet textual==8.2.8 2>/dev/null

cat >ask.py <<'PY'
import asyncio
from textual.app import App
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

class Note(Message):
    def __init__(self, place):
        super().__init__()
        self.place = place

class Painted(Widget):
    told = False
    def on_mount(self):
        self.set_timer(0.05, lambda: self.post_message(Note("a timer")))
    def render(self):
        if not Painted.told and self.is_mounted and self.size.width:
            Painted.told = True
            self.post_message(Note("render"))
            self.post_message(Note("render, set_sender").set_sender(self))
        return ""

class Main(Screen):
    def compose(self):
        yield Painted()
    def on_note(self, note):
        heard.setdefault(note.place, []).append("screen")

class Ask(App):
    def on_mount(self):
        self.push_screen(Main())
    def on_note(self, note):
        heard.setdefault(note.place, []).append("app")

heard = {}
async def main():
    async with Ask().run_test() as pilot:
        await pilot.pause(0.5)
asyncio.run(main())
for place in sorted(heard):
    print(f"posted in {place}: {', '.join(heard[place])}")
PY
seen=$(timeout 60 venv/bin/python ask.py)
expected="posted in a timer: screen, app
posted in render: screen
posted in render, set_sender: screen, app"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
