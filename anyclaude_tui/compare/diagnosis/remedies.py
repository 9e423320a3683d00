"""The remedies for each cause: concrete, per kind of backend, the most useful first."""

from __future__ import annotations

from anyclaude_tui.compare.diagnosis.causes import Cause

_ALL: dict[Cause, tuple[str, ...]] = {
    Cause.PREFILL: (
        "use a smaller or mixture-of-experts model, or another quantisation: reading the "
        "prompt is limited by compute",
        "send less to read: fewer tools and MCP servers, /compact, a shorter CLAUDE.md",
    ),
    Cause.DECODE: (
        "use a smaller or mixture-of-experts model, or fewer bits per weight: writing is "
        "limited by memory bandwidth",
        "close what else uses the GPU or the memory",
    ),
    Cause.THINKING: (
        "turn thinking off or down: MAX_THINKING_TOKENS=0 for Claude Code, or an instruct "
        "variant of the model",
    ),
    Cause.LENGTH: (
        "the model writes longer answers: ask for short ones in CLAUDE.md, or compare with "
        "`--max-tokens` so that both write as much",
    ),
    Cause.PROXY: (
        "run with ANYCLAUDE_DEBUG=0 (no traces), and see in the logs what the proxy waits for",
        "free the processor: the proxy needs little, but it needs it at once",
        "report it with the JSON of this comparison: the proxy should cost milliseconds",
    ),
    Cause.CONTEXT: (
        "send less: /compact or /clear, fewer tools and MCP servers (`--tools`), a shorter "
        "CLAUDE.md, smaller files",
        "keep the prefix stable, so that the cache holds it from turn to turn",
    ),
    Cause.CACHE: (
        "keep the prompt's front the same from turn to turn: no clock, no git status, no "
        "changing tool list in it",
        "give the server room for its prefix cache, and one slot per conversation",
    ),
    Cause.QUEUE: (
        "others use the server: wait for them, or give it more slots",
        "Claude Code's background requests count too: CLAUDE_CODE_DISABLE_TERMINAL_TITLE=1 "
        "and fewer subagents",
    ),
    Cause.LOAD: (
        "keep the model loaded: no idle time-out, and enough memory for it beside the rest",
    ),
    Cause.EQUAL: ("choose by the quality of the answers: speed does not decide here",),
    Cause.FAILED: ("mend the target that failed, then compare again",),
}

_BY_KIND: dict[tuple[Cause, str], tuple[str, ...]] = {
    (Cause.PREFILL, "mlx_lm"): ("try a larger --prefill-step-size (2048) where memory allows",),
    (Cause.PREFILL, "vllm_mlx"): ("try --enable-prefix-cache and continuous batching",),
    (Cause.PREFILL, "llama_cpp"): (
        "try --ubatch-size 2048 with --batch-size 2048, --flash-attn on, and --gpu-layers all on a "
        "machine with a GPU",
    ),
    (Cause.DECODE, "llama_cpp"): (
        "--threads at the number of real cores at most: more make them wait for one another",
    ),
    (Cause.CACHE, "llama_cpp"): ("raise --cache-ram, and slots: each conversation keeps one",),
    (Cause.CONTEXT, "llama_cpp"): (
        "--cache-type-k q8_0 --cache-type-v q8_0 halve the memory of a context",
    ),
    (Cause.PREFILL, "lmstudio"): (
        "in LM Studio: GPU offload to the maximum, flash attention on, evaluation batch size up",
    ),
    (Cause.DECODE, "mlx_lm"): ("try --draft-model with a small model of the same family",),
    (Cause.DECODE, "lmstudio"): ("in LM Studio: GPU offload to the maximum, or the MLX engine",),
    (Cause.CACHE, "mlx_lm"): ("raise --prompt-cache-size and --prompt-cache-bytes",),
    (Cause.CACHE, "vllm_mlx"): ("start vllm-mlx with its prefix cache on",),
    (Cause.QUEUE, "mlx_lm"): ("raise --decode-concurrency, and slots in the configuration",),
    (Cause.LOAD, "lmstudio"): (
        "in LM Studio: switch off the JIT time-to-live, or load the model by hand",
    ),
    (Cause.CONTEXT, "lmstudio"): (
        "in LM Studio: load the model with the window that you need, no larger",
    ),
    (Cause.CONTEXT, "mlx_lm"): ("--kv-bits 8 makes long contexts cheaper (no batching then)",),
}


def remedies(cause: Cause, kind: str) -> tuple[str, ...]:
    """The remedies for `cause` on a backend of that kind, the most specific first."""
    return _BY_KIND.get((cause, kind), ()) + _ALL[cause]
