"""The slow part of a comparison, with the evidence and the remedy."""
