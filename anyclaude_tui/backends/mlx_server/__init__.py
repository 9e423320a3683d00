"""mlx_lm.server as we start it, in its own Python: nothing here may import anything of ours."""
