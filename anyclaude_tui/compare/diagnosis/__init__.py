"""Which part of a comparison is slow, with the evidence and what to do."""
