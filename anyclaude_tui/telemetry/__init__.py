"""What happened, as typed facts, and what is shown of it."""
