"""A child of `template_engines.py`: for each template on stdin, as JSON, the port of a server
of llama.cpp that has it, or why it has none. The model is random; nothing is generated."""

from __future__ import annotations

import json
import os
import socket
import sys
from importlib import import_module
from typing import Any


def main() -> None:
    """See the module."""
    # What the engine prints is no answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    xllamacpp = import_module("xllamacpp")  # from a folder of its own
    import_module("tiny_gguf").tiny(sys.argv[1])  # findings/, on the path
    server: Any = None
    for line in sys.stdin:
        server = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        params = xllamacpp.CommonParams()
        params.model.path, params.n_ctx, params.n_parallel = sys.argv[1], 512, 1
        params.hostnames, params.port, params.warmup = ["127.0.0.1"], port, False
        params.chat_template, params.use_jinja = json.loads(line), True
        try:
            server = xllamacpp.Server(params)
        except Exception as error:
            print(f"no server: {' '.join(str(error).split())[:120]}", file=answers, flush=True)
        else:
            print(port, file=answers, flush=True)
    del server


if __name__ == "__main__":
    main()
