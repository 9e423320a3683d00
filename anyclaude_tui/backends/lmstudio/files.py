"""The folders of LM Studio's files: models, and its command line tool.

Its home moved from `~/.cache/lm-studio` to `~/.lmstudio`, and can be anywhere: the file
`~/.lmstudio-home-pointer` says where (LM Studio's own `lms` looks there first).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

PLACE = "LM Studio"


def homes() -> list[Path]:
    """The folders that may be LM Studio's, the likeliest first."""
    home = Path.home()
    usual = [home / ".lmstudio", home / ".cache" / "lm-studio"]
    try:
        told = (home / ".lmstudio-home-pointer").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return usual
    return list(dict.fromkeys([Path(told), *usual])) if told else usual


def model_folders() -> list[Path]:
    """The folders with models, OWNER/NAME each; the user may have moved them."""
    found: list[Path] = []
    for home in homes():
        try:
            settings = json.loads((home / "settings.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            settings = None
        moved = settings.get("downloadsFolder") if isinstance(settings, dict) else None
        found += [Path(moved)] if isinstance(moved, str) and moved else []
        found.append(home / "models")
    return list(dict.fromkeys(found))


def lms_program() -> str | None:
    """LM Studio's command line tool, on PATH or where its installer puts it."""
    places = (home / "bin" / "lms" for home in homes())
    return shutil.which("lms") or next((str(place) for place in places if place.exists()), None)
