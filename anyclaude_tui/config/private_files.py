"""Files of ours that are for their owner only, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str) -> None:
    """All of it or nothing, for the user's eyes only; a link stays a link. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    real = path.resolve()
    number, name = tempfile.mkstemp(dir=real.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(real)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
