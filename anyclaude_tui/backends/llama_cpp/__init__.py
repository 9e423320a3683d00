"""llama.cpp's server in a child process of ours: its own program, or the one in a wheel."""
