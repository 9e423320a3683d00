"""Tool calls: assembled, checked, repaired, found in text. Pure."""
