"""Claude Code's `/model` picker: our backends in it, by name.

Its rows are a setting, `modelPicker` (`docs/protocol/claude-code.md`, "The picker"). A choice
there shows as another model name in the requests. Enter also saves that name as the default for
all new sessions, in the user's own settings file, where a plain `claude` would ask Anthropic for
it: what was there before is put back.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyclaude_tui import private

CLAUDE_ALIAS = "opus"
"""The row of a service with Claude's own models: the picker resolves it to a `claude-…` name."""
UNKNOWN_MODEL = "local-model"


def model_name(model: str) -> str:
    """The name Claude Code shows: the model's own, without its folders.

    Not `claude-…`: only then does CLAUDE_CODE_MAX_CONTEXT_TOKENS count.
    """
    return Path(model.rstrip("/")).name or UNKNOWN_MODEL


@dataclass(frozen=True, slots=True)
class Offer:
    """A backend that can be chosen. `model` None: not known before it is started."""

    backend: str
    model: str | None
    detail: str = ""
    """The description, in words."""
    claude: bool = False
    """It serves Claude's own models, under their own names."""


@dataclass(frozen=True, slots=True)
class Picker:
    """The rows of the picker, and what each stands for."""

    backends: Mapping[str, str] = field(default_factory=dict)
    """Model name → backend."""
    setting: Mapping[str, Any] = field(default_factory=dict)
    """The setting `modelPicker`; empty where the picker stays as it is."""

    @property
    def names(self) -> frozenset[str]:
        """The model names that only we know, in both forms."""
        names = frozenset(self.backends) - {CLAUDE_ALIAS}
        return names | {f"claude-{name}" for name in names}

    def backend_of(self, model: str) -> str | None:
        """The backend that a request's model name stands for; None where it is none of ours.

        A picker without the setting lists what `GET /v1/models` names, with `claude-` before it.
        """
        found = self.backends.get(model) or self.backends.get(model.removeprefix("claude-"))
        if found is None and model.startswith("claude-"):
            found = self.backends.get(CLAUDE_ALIAS)
        return found


def picker(offers: Sequence[Offer]) -> Picker:
    """The picker for these backends. Two that serve the same model are told apart by name."""
    names = Counter(_name(offer) for offer in offers)
    backends: dict[str, str] = {}
    rows: list[dict[str, str]] = []
    for offer in offers:
        name = _name(offer)
        if names[name] > 1 and not offer.claude:
            name = f"{name}@{offer.backend}"
        if name in backends:
            continue
        backends[name] = offer.backend
        words = " · ".join(part for part in (offer.model, offer.detail) if part)
        rows.append({"model": name, "label": offer.backend, "description": words})
    keep = any(offer.claude for offer in offers)
    return Picker(backends, {"replaceBuiltInOptions": not keep, "options": rows} if rows else {})


def _name(offer: Offer) -> str:
    if offer.claude:
        return CLAUDE_ALIAS
    return model_name(offer.model) if offer.model else offer.backend


class SavedDefault:
    """The `model` in the user's own settings file, which is put back after a choice of ours.

    What was there before is kept in a file of ours as well: a session that was killed is made
    good by the next one.
    """

    def __init__(self, settings: Path, note: Path) -> None:
        """`settings`: Claude Code's file of the user's. `note`: ours."""
        self._settings = settings
        self._note = note
        self._names: frozenset[str] = frozenset()
        self._before: object = None

    def watch(self, names: Iterable[str]) -> None:
        """These names are offered from now on. Raises nothing."""
        self._names |= frozenset(names)
        old = _read(self._note)
        current = _read(self._settings).get("model")
        left = old.get("names") if old.get("settings") == str(self._settings) else None
        if isinstance(left, list) and current in left:
            self._names |= frozenset(str(name) for name in left)
            self._before = old.get("before")
            self.put_back()
        elif current not in self._names:
            self._before = current
        with suppress(OSError):
            kept = {"settings": str(self._settings), "names": sorted(self._names)}
            _write(self._note, {**kept, "before": self._before})

    def put_back(self) -> bool:
        """Take a name of ours out of the settings again; True if one was. Raises nothing."""
        found = _read(self._settings)
        if found.get("model") not in self._names or found.get("model") == self._before:
            return False
        if self._before is None:
            del found["model"]
        else:
            found["model"] = self._before
        try:
            _write(self._settings, found)
        except OSError:
            return False
        return True

    def end(self) -> None:
        """The session has ended: nothing of ours stays. Raises nothing."""
        self.put_back()
        with suppress(OSError):
            self._note.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """In the form in which Claude Code writes it, whole or not at all. A link stays one."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    private.write(path, json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")
    os.chmod(path, mode)
