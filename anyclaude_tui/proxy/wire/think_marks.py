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
}
THINK_MARKS: dict[str, str] = {
    **_PLAIN,
    **{opener.upper(): closer.upper() for opener, closer in _PLAIN.items()},
    "<Think>": "</Think>",
    "<Thinking>": "</Thinking>",
    "[THINK]": "[/THINK]",  # Magistral
    "<|channel>thought": "<channel|>",  # Gemma 4
    "<|START_THINKING|>": "<|END_THINKING|>",  # Command A
    "<|open|>think<|sep|>": "<|close|>think<|sep|>",  # Kimi K3
    "<|inner_prefix|>": "<|inner_suffix|>",  # Apertus
    "<|begin_of_thought|>": "<|end_of_thought|>",
}
