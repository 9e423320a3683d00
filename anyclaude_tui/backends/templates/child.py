"""`python -m anyclaude_tui.backends.templates.child`: the profile of a template's text.

Reads a question as JSON on stdin and writes the profile as JSON. It is a
process of its own because the text is a program of somebody else's (`anyclaude_tui.bounded`).
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from datetime import datetime

from anyclaude_tui.bounded import limit_myself


def main() -> None:
    """See the module."""
    limit_myself(sys.argv[1:])
    asked = json.load(sys.stdin.buffer)
    from jinja2.exceptions import TemplateError

    from anyclaude_tui.backends.dialect import Dialect
    from anyclaude_tui.backends.templates.jinja import renderer
    from anyclaude_tui.backends.templates.profile import applied, examine, front_changes
    from anyclaude_tui.backends.templates.sources import RenderedSource

    template, tokens = asked["template"], asked["tokens"]
    try:
        days = [
            renderer(template, tokens, now=lambda day=day: datetime(2031, 3, day))  # type: ignore[misc]
            for day in (1, 2)
        ]
    except TemplateError as error:
        json.dump({"error": f"it is not a chat template: {error}"}, sys.stdout)
        return
    base = Dialect(**asked["dialect"])
    profile = asyncio.run(examine(RenderedSource(days[0], template), base, trims=asked["trims"]))
    found = asdict(profile) | {
        "date_in_front": front_changes(days[0], days[1], applied(profile, base))
    }
    json.dump({"profile": found}, sys.stdout)


if __name__ == "__main__":
    main()
