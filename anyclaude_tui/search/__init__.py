"""Web search: the providers that can be asked, and what is said when none can."""
