"""A comparison written out: tables, Markdown, files, progress."""
