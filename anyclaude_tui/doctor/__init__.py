"""The checks of `doctor`: what is installed, running and broken, and what to do about it."""
