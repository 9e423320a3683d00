"""The environment of a server that we start: ours, without the keys that it has no use for."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from anyclaude_tui.backends.base import value_of
from anyclaude_tui.redaction import without_secrets


def of_server(
    given: Mapping[str, str],
    added: Mapping[str, str],
    needed: Collection[str] = (),
    env: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """The environment of a server. `given` is the settings' own and the strongest, `added` what
    its kind wants; `needed` are variables with secrets that it cannot do without.

    Raises BackendError where `given` names a variable that is not set.
    """
    own = {name: value_of(value, f"env.{name}", env) for name, value in given.items()}
    return {**without_secrets(env, needed), "PYTHONUNBUFFERED": "1", **added, **own}
