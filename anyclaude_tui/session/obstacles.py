"""Reasons on this machine against reading ahead: memory, battery."""

from __future__ import annotations

from anyclaude_tui.backends import machine

PRESSED = 0.92
"""From this share of the machine's memory on nothing is read ahead."""
BATTERY_PERCENT = 30


def obstacle() -> str:
    """The reason why nothing is read ahead now; "" where nothing is in the way."""
    pressure = machine.memory().pressure
    if pressure > PRESSED:
        return f"{pressure:.0%} of the memory is in use".replace("%", " %")
    import psutil

    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is not None and not battery.power_plugged and battery.percent < BATTERY_PERCENT:
        return f"the battery is at {battery.percent:.0f} %"
    return ""
