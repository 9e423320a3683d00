"""The marks between which models write their reasoning, where a server does not take it out.

Opening mark → closing mark. Sources: the models' chat templates.
"""

from __future__ import annotations

_PLAIN = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",  # Seed-OSS
    "<mm:think>": "</mm:think>",  # MiniMax M3
    "<think:opensource>": "</think:opensource>",  # Hunyuan 3
    "<longcat_think>": "</longcat_think>",  # LongCat-Flash-Thinking
}
THINK_MARKS: dict[str, str] = {
    **_PLAIN,
    **{opener.upper(): closer.upper() for opener, closer in _PLAIN.items()},
    **{f"<{name}>": f"</{name}>" for name in ("Think", "Thinking", "Thought", "Reasoning")},
    "[THINK]": "[/THINK]",  # Magistral
    "<|channel>thought": "<channel|>",  # Gemma 4
    "<|START_THINKING|>": "<|END_THINKING|>",  # Command A
    "<|think:start|>": "<|think:end|>",  # Solar Open 2
    "<unused94>thought": "<unused95>",  # MedGemma
    "<|open|>think<|sep|>": "<|close|>think<|sep|>",  # Kimi K3
    "<|inner_prefix|>": "<|inner_suffix|>",  # Apertus
    "◁think▷": "◁/think▷",  # Kimi VL
    "<|begin_of_thought|>": "<|end_of_thought|>",
}
