"""The contents of an argparse parser, which argparse itself tells to nobody."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def actions(parser: argparse.ArgumentParser) -> Sequence[argparse.Action]:
    """Its options and arguments, the choice of a sub-command apart."""
    return [one for one in parser._actions if not isinstance(one, argparse._SubParsersAction)]


def subparsers(
    parser: argparse.ArgumentParser,
) -> list[tuple[str, str, argparse.ArgumentParser]]:
    """(name, help, parser) of each of its sub-commands."""
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {one.dest: one.help or "" for one in action._choices_actions}
            found += [(name, helps.get(name, ""), sub) for name, sub in action.choices.items()]
    return found
