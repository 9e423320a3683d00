"""The servers that run the model: found, started, watched."""
