"""`python -m anyclaude_tui.backends.templates.tokens_child`: a chat's pieces, counted.

Reads the body as JSON on stdin with the template's text, which is a program of somebody else's
(`anyclaude_tui.bounded`), and where the tokenizer lies.
"""

from __future__ import annotations

import json
import os
import sys

from anyclaude_tui.bounded import limit_myself


def main() -> None:
    """See the module."""
    limit_myself(sys.argv[1:])
    os.environ["RAYON_NUM_THREADS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.nice(10)  # a figure for a screen: the model comes first
    from anyclaude_tui.backends.templates.tokens import answer_to

    json.dump(answer_to(json.load(sys.stdin.buffer)), sys.stdout)


if __name__ == "__main__":
    main()
