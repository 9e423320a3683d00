"""The abilities of a version of Claude Code, told from its `User-Agent`.

Pure. The table is data: a row is an ability and the first version that was measured to have it.
Source: `docs/protocol/claude-code.md`, "Versions".
"""

from __future__ import annotations

import re
from enum import Enum

Version = tuple[int, int, int]

_CLAUDE_CODE = re.compile(r"claude-cli/(\d+)\.(\d+)\.(\d+)\b(?: \([^,)]*, ([^,)]*)[,)])?")
_WITHOUT_A_TERMINAL = "sdk"
"""The beginning of its entry point then: `sdk-cli` for `-p`. In the terminal it is `cli`."""


class Ability(Enum):
    """Something that older versions of Claude Code cannot do."""

    RESUMES = "resumes a reply after an `error` event behind a finished block"
    """Older ones show the error and end, and so do all in the terminal. The newer tell the model
    that the response was cut off in mid-stream, up to three times."""
    COMPACTS = "compacts when an overflow is told behind a finished block"
    """In the terminal too. Older ones show the words and end."""


SINCE: dict[Ability, Version] = {
    Ability.RESUMES: (2, 1, 246),
    Ability.COMPACTS: (2, 1, 332),
}
"""2.1.245 does not resume, 2.1.246 does (both tried, with `-p`)."""

ONLY_WITHOUT_A_TERMINAL = frozenset({Ability.RESUMES})


def version_of(user_agent: str) -> Version | None:
    """The version of the Claude Code that sends this `User-Agent`; None for other clients.

    It sends `claude-cli/2.1.332 (external, sdk-cli)`.
    """
    found = _CLAUDE_CODE.match(user_agent)
    if found is None:
        return None
    major, minor, patch = map(int, found.groups()[:3])
    return major, minor, patch


def can(user_agent: str, ability: Ability) -> bool:
    """True if this client is a Claude Code that has the ability; unknown clients have none."""
    version, found = version_of(user_agent), _CLAUDE_CODE.match(user_agent)
    if version is None or found is None or version < SINCE[ability]:
        return False
    entry = found[4] or ""
    return ability not in ONLY_WITHOUT_A_TERMINAL or entry.startswith(_WITHOUT_A_TERMINAL)
