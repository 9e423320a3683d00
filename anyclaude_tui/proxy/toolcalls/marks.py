"""All marks that text is searched for: what begins and ends calls, code blocks, reasoning."""

from __future__ import annotations

import re

from anyclaude_tui.proxy.toolcalls.forms import CLOSERS, FENCE, FORMS, SECTION
from anyclaude_tui.proxy.wire.think_marks import THINK_MARKS

BY_OPENER = {form.opener: form for form in (*FORMS, FENCE, SECTION)}
OPENERS = tuple(form.opener for form in FORMS if form.sure)
THINK_ENDS = frozenset(THINK_MARKS.values())

ENDS = frozenset(
    {
        *("<|im_end|>", "<|endoftext|>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>", "<|eot|>"),
        *("<|eom|>", "<|end|>", "<|return|>", "<|observation|>", "<|user|>", "<end_of_turn>"),
        *("<turn|>", "<｜end▁of▁sentence｜>", "<|END_OF_TURN_TOKEN|>", "<|END_RESPONSE|>", "[e~["),
        *("<|end_of_sentence|>", "<|im:end|>", "[EOS]", "<|hy_eos|>", "</s>", "<|stop|>"),
    }
)
"""The marks that end a turn, where a server leaves them in the text: dropped at its end."""
WRAPS = {
    "<|START_RESPONSE|>": "<|END_RESPONSE|>",  # Command A
    "<answer>": "</answer>",  # Hunyuan A13B
    "<response>": "</response>",  # ERNIE 4.5
    # Functionary 2, with the marks that its prompt ends with or without them.
    "<|from|>assistant\n<|recipient|>all\n<|content|>": "<|stop|>",
    "<|recipient|>all\n<|content|>": "<|stop|>",
    "all\n<|content|>": "<|stop|>",
    f"{SECTION.opener}all\n": "",  # Functionary 3.2
}
"""The marks around the answer behind reasoning."""

_ALL = sorted(
    {
        *(*BY_OPENER, *THINK_MARKS, *THINK_ENDS, *CLOSERS),
        *(*ENDS, *WRAPS, *WRAPS.values()),
    }
    - {""},
    key=len,
    reverse=True,
)
_LONGEST = max(map(len, _ALL))
_FIRST = re.compile(r"[<\[\]`◁]")
_FIRST_IN_SECTIONS = re.compile(r"[<\[\]`◁>]")

ANY = re.compile("|".join(map(re.escape, _ALL)))
STARTS = frozenset(mark[:end] for mark in _ALL for end in range(1, len(mark)))
"""All proper beginnings of marks."""


def partial_mark(text: str, *, in_fence: bool, in_sections: bool = False) -> int:
    """The number of characters at the end of `text` that may begin a mark. `in_sections`: that of
    Functionary's sections too, which elsewhere is a prompt of Python's."""
    first = _FIRST_IN_SECTIONS if in_sections else _FIRST
    for match in first.finditer(text, max(0, len(text) - _LONGEST)):
        tail = text[match.start() :]
        if tail in STARTS and (not in_fence or FENCE.opener.startswith(tail)):
            return len(tail)
    return 0


def only_ends(text: str, wrap: str) -> bool:
    """True if there is nothing in `text` but marks that end a turn, or `wrap`."""
    for mark in ANY.findall(text):
        if mark in ENDS or mark == wrap:
            text = text.replace(mark, "", 1)
    return not text.strip()
