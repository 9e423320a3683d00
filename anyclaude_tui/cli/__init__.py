"""The command line: one module a sub-command. Nothing is imported here (start-up time)."""
