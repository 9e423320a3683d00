"""The events of a session, as typed facts, and the figures shown of them."""
