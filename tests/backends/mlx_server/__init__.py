"""Tests of what runs in mlx_lm's own Python: the prompt cache that keeps more."""
