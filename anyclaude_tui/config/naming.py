"""A backend by the name that a person gives it: one of the configuration, or KIND[:REST]."""

from __future__ import annotations

from anyclaude_tui.config import legacy
from anyclaude_tui.config.kinds import DEFAULT, KINDS, Rest
from anyclaude_tui.config.mistakes import ConfigError, nearest
from anyclaude_tui.config.settings import BackendSettings, Settings
from anyclaude_tui.redaction import HIDDEN, shown


def resolve(name: str | None, settings: Settings) -> tuple[str, BackendSettings]:
    """A backend's name and settings from `--backend NAME`.

    `name` is a name from the configuration or `KIND[:REST]`; None takes the configured
    one, else the simulator. REST is what its kind's row says. The name that comes back may be
    shown: of a URL's secrets only the settings know. Raises ConfigError.
    """
    name = name or settings.backend or DEFAULT
    if name in settings.backends:
        its = settings.backends[name]
        if words := lack(name, its):
            raise ConfigError(words)
        return name, its
    if name in legacy.DEFAULTS:  # what --mode took without any file
        return name, BackendSettings(**legacy.DEFAULTS[name])
    kind, _, rest = name.partition(":")
    kind = kind.replace("-", "_")
    row = KINDS.get(kind)
    if row is None:
        known = [*settings.backends, *KINDS]
        raise ConfigError(
            f"no backend called {shown(name)!r}{nearest(name, known)}. Known: {', '.join(known)}. "
            "Write KIND:REST, for example openai:http://127.0.0.1:1234/v1 or "
            "mlx_lm:/path/to/model, or add [backends.NAME] to config.toml."
        )
    if row.rest is Rest.URL and HIDDEN in rest:
        raise ConfigError(f"{name}: its secret is left out where it is shown: write the whole URL")
    given = {str(row.rest): rest} if rest else {}
    its = BackendSettings(kind=kind, **given)  # type: ignore[arg-type]  # the rest is a text
    if words := row.lack(its):
        raise ConfigError(f"{words}: --backend {kind}:{row.example}")
    return (shown(name) if row.rest is Rest.URL else name), its


def lack(name: str, settings: BackendSettings) -> str:
    """The setting that a configured backend lacks, and the way to set it; empty when none."""
    row = KINDS[settings.kind]
    words = row.lack(settings)
    return f"backends.{name}: {words}: {row.how_to_set}" if words else ""
