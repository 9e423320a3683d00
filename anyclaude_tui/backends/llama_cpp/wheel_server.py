"""llama.cpp's HTTP server out of the wheel `xllamacpp`, under the flags of `llama-server`.

A program, run by its path: `python -P wheel_server.py --model FILE --port N`. It imports nothing
of ours, so that any Python that has the wheel can run it. The server is the same C++ code as
`llama-server`; the wheel has no command line, so the flags that people use are read here.

Source: xllamacpp 2026.10.11549, `CommonParams` and `Server`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

KEY_VARIABLE = "LLAMA_API_KEY"
"""As `llama-server` has it: `ps` shows arguments to everybody, and this to nobody else."""
CACHE_TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8}
"""`ggml_type`: what keys and values in the cache can be kept as."""
CACHE_TYPES |= {"iq4_nl": 20, "bf16": 30}
FLASH = {"auto": -1, "off": 0, "on": 1}
REASONING = {"none": 0, "auto": 1, "deepseek-legacy": 2, "deepseek": 3}


def flags() -> argparse.ArgumentParser:
    """The flags of `llama-server` that are understood; `dest` is the path in `CommonParams`."""
    reader = argparse.ArgumentParser("wheel_server.py", allow_abbrev=False)
    add = reader.add_argument
    add("-m", "--model", dest="model.path", required=True)
    add("-a", "--alias", dest="model_alias", type=lambda text: {text})
    add("--host", dest="hostnames", type=lambda text: [text])
    add("--port", dest="port", type=int)
    add("-c", "--ctx-size", dest="n_ctx", type=int)
    add("-np", "--parallel", dest="n_parallel", type=int)
    add("-kvu", "--kv-unified", dest="kv_unified", action="store_true", default=None)
    add("-no-kvu", "--no-kv-unified", dest="kv_unified", action="store_false")
    add("-b", "--batch-size", dest="n_batch", type=int)
    add("-ub", "--ubatch-size", dest="n_ubatch", type=int)
    add("-ngl", "--gpu-layers", "--n-gpu-layers", dest="n_gpu_layers", type=_layers)
    add("-t", "--threads", dest="cpuparams.n_threads", type=int)
    add("-tb", "--threads-batch", dest="cpuparams_batch.n_threads", type=int)
    add("-cram", "--cache-ram", dest="cache_ram_mib", type=int)
    add("--cache-reuse", dest="n_cache_reuse", type=int)
    add("-ctk", "--cache-type-k", dest="cache_type_k", type=_named(CACHE_TYPES))
    add("-ctv", "--cache-type-v", dest="cache_type_v", type=_named(CACHE_TYPES))
    add("-fa", "--flash-attn", dest="flash_attn_type", type=_named(FLASH))
    add("--jinja", dest="use_jinja", action="store_true", default=None)
    add("--no-jinja", dest="use_jinja", action="store_false")
    add("--chat-template", dest="chat_template")
    add("--chat-template-file", dest="chat_template", type=_text_of)
    add("--reasoning-format", dest="reasoning_format", type=_named(REASONING))
    add("-mm", "--mmproj", dest="mmproj.path")
    add("--no-mmproj", dest="no_mmproj", action="store_true", default=None)
    add("--slot-save-path", dest="slot_save_path", type=_folder)
    add("--slots", dest="endpoint_slots", action="store_true", default=None)
    add("--metrics", dest="endpoint_metrics", action="store_true", default=None)
    add("--swa-full", dest="swa_full", action="store_true", default=None)
    add("--context-shift", dest="ctx_shift", action="store_true", default=None)
    add("--no-warmup", dest="warmup", action="store_false", default=None)
    add("--sleep-idle-seconds", dest="sleep_idle_seconds", type=int)
    add("-n", "--predict", "--n-predict", dest="n_predict", type=int)
    add("-s", "--seed", dest="sampling.seed", type=int)
    add("--ignore-eos", dest="sampling.ignore_eos", action="store_true", default=None)
    add("--temp", "--temperature", dest="sampling.temp", type=float)
    add("--top-k", dest="sampling.top_k", type=int)
    add("--top-p", dest="sampling.top_p", type=float)
    add("--min-p", dest="sampling.min_p", type=float)
    add("-lv", "--verbosity", dest="verbosity", type=int)
    add("--offline", dest="offline", action="store_true", default=None)
    return reader


def _named(values: dict[str, int]) -> Any:
    def read(text: str) -> int:
        if text not in values:
            raise argparse.ArgumentTypeError(f"{text!r}: one of {', '.join(values)}")
        return values[text]

    return read


def _layers(text: str) -> int:
    return {"auto": -1, "all": 9999}.get(text) or int(text)


def _text_of(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def _folder(path: str) -> str:
    return str(Path(path)) + "/"  # names are put behind it as they are


def fill(params: Any, given: dict[str, Any]) -> None:
    """Put the flags that were given into the parameters, by their paths."""
    for dest, value in given.items():
        if value is None:
            continue
        *path, name = dest.split(".")
        holder = params
        for part in path:
            holder = getattr(holder, part)
        setattr(holder, name, value)


def main() -> None:
    """Serve until a signal ends it. A model that cannot be loaded ends it with exit code 1."""
    given, unknown = flags().parse_known_args()
    if unknown:
        sys.exit(
            f"error: the wheel xllamacpp does not know {' '.join(unknown)}: leave it out, or "
            "install llama-server"
        )
    import xllamacpp

    params: Any = xllamacpp.CommonParams()
    params.n_parallel, params.kv_unified = 4, True  # as llama-server has it by default
    fill(params, vars(given))
    if key := os.environ.get(KEY_VARIABLE):
        params.api_keys = [key]
    try:
        server = xllamacpp.Server(params)
    except Exception as error:  # whatever C++ throws is one kind there
        sys.exit(f"error: {error}")
    while server is not None:
        signal.pause()


if __name__ == "__main__":
    main()
