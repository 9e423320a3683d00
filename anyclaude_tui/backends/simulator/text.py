"""The simulated server's words: fixed, and saying themselves that they are simulated."""

from __future__ import annotations

import re
from itertools import cycle, islice

BEFORE_CALL = "I will run that (simulated)."
AFTER_RESULT = "Done: the tool's result has arrived. This is a simulated answer."
SHELL_CALL = {
    "command": "echo simulated > simulated.txt",
    "description": "Write a line to simulated.txt",
}

_THOUGHTS = (
    "This is simulated thinking. I look at the request, weigh the files that may matter, "
    "and plan the steps in order. First I read, then I change as little as possible, and "
    "then I check the result. "
)
_FILLER = (
    "This text is simulated: it is made at the speed of a model, but no model wrote it. "
    "It goes on for as long as it was asked to, one token after the other, so that the "
    "numbers beside it have something to measure. "
)
_CODE = '''Here is a function (simulated):

```python
def fibonacci(n: int) -> list[int]:
    """The first n Fibonacci numbers."""
    numbers = [0, 1]
    while len(numbers) < n:
        numbers.append(numbers[-1] + numbers[-2])
    return numbers[:n]


print(fibonacci(10))
```

It adds the last two numbers until there are enough.'''


def answer(request: str, model: str) -> str:
    """The text for what the user wrote; keywords: hello, count, code, long."""
    words = set(re.findall(r"[a-z]+", request.lower()))
    if "code" in words:
        return _CODE
    if "count" in words:
        return "Counting (simulated): " + ", ".join(str(n) for n in range(1, 51)) + "."
    if "long" in words:
        return of_length(600)
    if words & {"hello", "hi"}:
        return f"Hello! I am {model}: no model runs here, only its speed is real."
    return (
        f"This is a simulated answer from {model}. No model read your request; the time to "
        "the first token and the tokens per second are those of its profile. Words that do "
        "more: hello, count, code, long, shell, and tool NAME {json}."
    )


def pieces(text: str) -> list[str]:
    """Text in pieces of about a token: words with their leading blanks, long ones cut."""
    return re.findall(r"\s*\S{1,8}|\s+", text)


def thinking(tokens: int) -> list[str]:
    """Pieces of thinking, as many as `tokens`."""
    return list(islice(cycle(pieces(_THOUGHTS)), tokens))


def of_length(tokens: int) -> str:
    """Text of exactly that many pieces."""
    return "".join(islice(cycle(pieces(f" {_FILLER.strip()}")), tokens)).lstrip()
