"""Settings: their shape, where they are read from, and how they are changed.

`anyclaude_tui.config` is a public import path: these names stay.
"""

from anyclaude_tui.config.kinds import KINDS
from anyclaude_tui.config.loading import (
    Loaded,
    from_legacy,
    home,
    layers,
    legacy_file,
    load,
    parse,
    read,
)
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.naming import resolve
from anyclaude_tui.config.request_settings import Count, RequestSettings
from anyclaude_tui.config.settings import (
    SECTIONS,
    BackendSettings,
    CacheSettings,
    ClaudeSettings,
    DashboardSettings,
    DiscoverySettings,
    Limits,
    LogSettings,
    Port,
    ProxySettings,
    RoleSettings,
    SearchSettings,
    Settings,
    ToolSettings,
    WarmingSettings,
)

__all__ = [
    "KINDS",
    "SECTIONS",
    "BackendSettings",
    "CacheSettings",
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
    "RequestSettings",
    "RoleSettings",
    "SearchSettings",
    "Settings",
    "ToolSettings",
    "WarmingSettings",
    "from_legacy",
    "home",
    "layers",
    "legacy_file",
    "load",
    "parse",
    "read",
    "resolve",
]
