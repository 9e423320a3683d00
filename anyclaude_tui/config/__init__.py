"""Settings: their shape, where they are read from, and how they are changed.

`anyclaude_tui.config` is a public import path: these names stay.
"""

from anyclaude_tui.config.kinds import KINDS
from anyclaude_tui.config.loading import (
    ConfigError,
    Loaded,
    from_legacy,
    home,
    layers,
    legacy_file,
    load,
    parse,
    read,
    resolve,
)
from anyclaude_tui.config.settings import (
    SECTIONS,
    BackendSettings,
    ClaudeSettings,
    Count,
    DashboardSettings,
    DiscoverySettings,
    Limits,
    LogSettings,
    Port,
    ProxySettings,
    RoleSettings,
    SearchSettings,
    Settings,
)

__all__ = [
    "KINDS",
    "SECTIONS",
    "BackendSettings",
    "ClaudeSettings",
    "ConfigError",
    "Count",
    "DashboardSettings",
    "DiscoverySettings",
    "Limits",
    "Loaded",
    "LogSettings",
    "Port",
    "ProxySettings",
    "RoleSettings",
    "SearchSettings",
    "Settings",
    "from_legacy",
    "home",
    "layers",
    "legacy_file",
    "load",
    "parse",
    "read",
    "resolve",
]
