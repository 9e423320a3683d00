"""A fuzzer of project files: `python -m tests.config.fuzz_projects --seconds 60`.

Files made of settings, of what is none and of broken pieces are read untrusted. Nothing may
raise, nothing but what needs no trust may be set, and what is said of them is one plain line.
A finding is printed with its seed and ends the run with exit code 1.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from anyclaude_tui.config.reference import sections

KEYS = [(section.name, one.key) for section in sections() for one in section.fields]
VALUES = [
    *('"mine"', '"other"', '"openai:http://h"', '"env:HOME"', '"/bin/true"', '""', "'''a\nb'''"),
    *("0", "1", "50", "-1", "1e9", "nan", "inf", "true", "false", "99999999999999999999", "0x1f"),
    *("[]", '["a"]', "[1, 2]", "{}", '{ A = "b" }', "{ url = 'http://h' }", "1979-05-27"),
    *('"ctrl+c"', '"\\u001b[2J"', '"\\u202e"', "[[1], [2]]", "{ a = { b = { c = 1 } } }"),
]
NAMES = ["mine", "other", "new", "'a b'", '"x.y"', '"\\u001b"']
NOISE = ["", "# word", "[", "]", "=", '"""', "'''", "\x00", "\t", "[[backends]]", "a.b.c = 1", "é"]


def project_text(dice: random.Random) -> bytes:
    """One file, mostly well formed."""
    lines: list[str] = []
    for _ in range(dice.randrange(1, 8)):
        table, key = dice.choice(KEYS)
        table = table.replace("NAME", dice.choice(NAMES))
        value = dice.choice(VALUES)
        form = dice.randrange(4)
        if form == 0 and table:
            lines += [f"[{table}]", f"{key} = {value}"]
        elif form == 1 and table:
            lines.insert(0, f"{table} = {{ {key} = {value} }}")
        elif form == 2 and table:
            lines.insert(0, f"{table}.{key} = {value}")
        else:
            lines.insert(0, f"{key} = {value}")
        if dice.random() < 0.1:
            lines.insert(dice.randrange(len(lines) + 1), dice.choice(NOISE))
    data = "\n".join(lines).encode()
    while dice.random() < 0.1 and data:
        at = dice.randrange(len(data))
        data = dice.choice([data[:at], data[at:] + data[:at], data[:at] + b"\xff" + data[at:]])
    return data


def main() -> int:
    from anyclaude_tui import config
    from anyclaude_tui.config.project import FILE_NAME
    from tests.config.test_project import Place, check_harmless

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    until = time.monotonic() + args.seconds
    seed, count = args.seed or random.randrange(2**32), 0
    with tempfile.TemporaryDirectory() as root:
        place = Place(Path(root))
        own = config.load(place.env, place.home)
        while time.monotonic() < until:
            data = project_text(random.Random(seed))
            (place.folder / FILE_NAME).write_bytes(data)
            try:
                check_harmless(place.read(), own)
            except Exception as error:
                print(f"--seed {seed}: {error!r}\n{data!r}")
                return 1
            if args.seed is not None:
                break
            seed, count = seed + 1, count + 1
    print(f"{count:,} project files, no finding")
    return 0


if __name__ == "__main__":
    sys.exit(main())
