"""The dashboard: its arrangement, header, footer and palette."""
