"""The question, once, if servers of ours may keep on disk what they read (`[cache] disk`)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from anyclaude_tui.config import editing
from anyclaude_tui.config.settings import CacheSettings, Settings
from anyclaude_tui.screens.common.dialogs import Dialog
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets.lines import clean

GRACE_S = 0.5
"""Seconds in which keys answer nothing: they were typed before the question came."""
KEEPING = ("mlx_lm", "llama_cpp", "vllm_mlx")
"""Kinds whose servers can keep it."""
WORDS = (
    "What {backend} has read is forgotten when it ends. Kept on disk (at most {max_gb:g} GB, for "
    "{max_days} days, files for you alone) it need not be read again, which can take minutes; and "
    "what was said can be worked out from these files."
)
KEYS = "y keep · n forget · Esc ask me later"


def is_answered(layers: Iterable[tuple[str, Mapping[str, Any]]]) -> bool:
    """True if any file, or the environment, says something about `[cache] disk`."""
    return any(
        "disk" in cache for _, raw in layers if isinstance(cache := raw.get("cache"), Mapping)
    )


def concerned(snapshot: Snapshot) -> bool:
    """True if the backend in use is a server of ours that could keep prompts on disk."""
    active = next((one for one in snapshot.backends if one.name == snapshot.active), None)
    return active is not None and active.supervised and active.kind in KEEPING


class DiskQuestion(Dialog[bool]):
    """Only y keeps; Enter does not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "keep", show=False),
        Binding("n", "answer(False)", "forget", show=False),
        Binding("q", "dismiss", "ask again next time", show=False),
    ]

    def __init__(self, backend: str, cache: CacheSettings) -> None:
        super().__init__()
        self._words = WORDS.format(
            backend=clean(backend), max_gb=cache.max_gb, max_days=cache.max_days
        )
        self._opened = 0.0

    def compose(self) -> ComposeResult:
        box = Vertical(Static(self._words, markup=False), classes="box")
        box.border_title = "Keep prompts on disk?"
        box.border_subtitle = KEYS
        yield box

    def on_mount(self) -> None:
        self._opened = time.monotonic()

    def action_answer(self, keep: bool) -> None:
        """The user's answer."""
        if time.monotonic() - self._opened >= GRACE_S:
            self.dismiss(keep)


def save(home: Path, keep: bool) -> tuple[Path, Settings]:
    """The answer in the user's file, after which nobody asks again. Raises OSError, ConfigError."""
    return editing.save(home, {("cache", "disk"): keep})
