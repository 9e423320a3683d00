"""`python -m anyclaude_tui.backends.templates.parting_child`: two bodies rendered and compared.

Reads them as JSON on stdin with the template's text, which is a program of somebody else's
(`anyclaude_tui.bounded`).
"""

from __future__ import annotations

import json
import os
import sys

from anyclaude_tui.bounded import limit_myself


def main() -> None:
    """See the module."""
    limit_myself(sys.argv[1:])
    os.nice(10)  # a figure for a screen: the model comes first
    from anyclaude_tui.backends.templates.parting import answer_to

    sys.stdout.write(answer_to(json.load(sys.stdin.buffer)))


if __name__ == "__main__":
    main()
