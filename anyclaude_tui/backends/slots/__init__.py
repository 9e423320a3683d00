"""How many requests a server takes at once: who says so, and how it is measured."""
