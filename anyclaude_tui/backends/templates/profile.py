"""The effect of a chat template on our requests, and the dialect that keeps them whole.

The template is asked (`questions.py`): rendered here, rendered by the server, or counted by
it (`sources.py`). No name of a model is looked at.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.templates import questions
from anyclaude_tui.backends.templates.questions import Body, Shape, marked
from anyclaude_tui.backends.templates.switches import (
    EFFORT_NAMES,
    EFFORTS,
    KEEP_THINKING,
    THINKING_SWITCHES,
)

if TYPE_CHECKING:
    from anyclaude_tui.backends.templates.jinja import Render

ROUNDS = 6
CLOSERS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<mm:think>": "</mm:think>",
    "<seed:think>": "</seed:think>",
    "<think:opensource>": "</think:opensource>",
    "<|START_THINKING|>": "<|END_THINKING|>",
    "[THINK]": "[/THINK]",
}
"""Thinking blocks of chat templates: opening tag → closing tag."""

LateSystem = Literal["in place", "refused", "lost", "replaces the prompt", "moved to the front", ""]


class RefusedError(Exception):
    """The template, or the server because of it, does not render a conversation; in its words."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of rendering a shape. All is well when nothing is lost and there are no `refused`
    words."""

    lost: tuple[str, ...] = ()
    """The pieces that are missing, by name where they are known."""
    refused: str = ""
    """The words of the refusal."""

    @property
    def whole(self) -> bool:
        """Every piece reaches the model."""
        return not self.lost and not self.refused

    @property
    def cost(self) -> int:
        """For choosing the lesser evil: a refusal ends the conversation."""
        return 100 if self.refused else len(self.lost)

    def __str__(self) -> str:
        return f"refused: {self.refused}" if self.refused else ", ".join(self.lost) or "whole"


class Source(Protocol):
    """A renderer that can be asked about a template."""

    name: str
    """rendered, asked, counted"""
    thorough: bool
    """A question costs little: every form may be tried."""

    def mentions(self, name: str) -> bool:
        """True if a switch of this name can have an effect; False where a known text lacks it."""

    async def judge(self, shape: Shape, how: Dialect) -> Verdict:
        """Judge the rendering of a shape in this form. Raises HttpError when nobody
        answers."""

    async def text(self, body: Body) -> str | None:
        """The rendered prompt; None where there is none to be had. Raises RefusedError."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The facts that were found out about a template."""

    source: str
    dialect: dict[str, Any] = field(default_factory=dict)
    """The fields of `Dialect` that follow."""
    late_system: LateSystem = ""
    shapes: dict[str, str] = field(default_factory=dict)
    """Shape → how it comes out as OpenAI's API has it."""
    left: dict[str, str] = field(default_factory=dict)
    """Shape → what is still wrong in the best form."""
    tools_shown: bool | None = None
    opens: tuple[str, str, str] = ("", "", "")
    """The closing tag of the thinking block that the prompt ends in: thinking not asked about,
    on, off."""
    switches: tuple[str, ...] = ()
    """The thinking switches that have an effect."""
    reuse: float | None = None
    """The share of a tool loop that is still the prefix once a new prompt follows it."""
    date_in_front: bool | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings to the user, `WHAT: WHAT TO DO`."""
        said = []
        if self.tools_shown is False:
            said.append(
                "this chat template shows the model no tools: give its server one that does "
                "(--chat-template), or take another model"
            )
        if self.reuse is not None and self.reuse < LITTLE:
            said.append(
                f"each new prompt reads {1 - self.reuse:.0%} of the last tool loop again: ask for "
                "more at once, or take a model whose chat template keeps earlier turns as they are "
                "(Qwen3.6, GLM-4.7, Nemotron 3)"
            )
        if self.date_in_front:
            said.append(
                "date in the front of the chat template, cold at midnight: expect one slow prompt "
                "a day, or give its server a template without it (--chat-template)"
            )
        if self.left:
            shape, words = next(iter(self.left.items()))
            said.append(
                f"this chat template does not take {shape} whole ({words}): give its server "
                "another (--chat-template), or take another model"
            )
        return tuple(said)

    @property
    def rewrites(self) -> bool:
        """True if earlier turns are rendered anew, so that messages do not tell what stays."""
        return self.reuse is not None and self.reuse < WHOLE


WHOLE = 0.98
"""Above this reuse the tail of a prompt is all that changes."""
LITTLE = 0.5
"""Below this reuse the user is told."""


def applied(profile: Profile | None, dialect: Dialect) -> Dialect:
    """The dialect with what follows from the profile."""
    return replace(dialect, **profile.dialect) if profile else dialect


async def examine(source: Source, base: Dialect, *, trims: bool = False) -> Profile:
    """Ask about a template. `trims`: the server can cut its cache back to any prefix.

    Raises HttpError when the server does not answer.
    """
    as_now = {shape.name: await source.judge(shape, base) for shape in questions.SHAPES}
    best, verdicts = await _best(source, base, as_now)
    changed = {
        name: getattr(best, name) for name in _FORMS if getattr(best, name) != getattr(base, name)
    }
    profile = Profile(
        source.name,
        changed,
        shapes={name: str(verdict) for name, verdict in as_now.items()},
        left={name: str(verdict) for name, verdict in verdicts.items() if not verdict.whole},
    )
    try:
        plain = await source.text(questions.NEXT.body(marked, best, {}))
    except RefusedError:
        plain = None
    if plain is None:
        return profile
    return await _from_text(source, profile, base, best, plain, trims)


_FORMS = (
    *("user_after_results", "call_ids", "text_beside_calls", "needs_tools", "calls"),
    "first_system",
)


def _forms(base: Dialect, thorough: bool) -> Iterator[Dialect]:
    """Every form, those that change the least first; else those that mend one thing."""
    values: list[Sequence[tuple[int, Any]]] = [
        [(0, "user"), (1, "folded")],
        [(0, "own"), (1, "nine"), (1, "numbered")],
        [(0, "content"), (1, "reasoning")],
        [(0, False), (1, True)],
        [(0, "parallel"), (1, "serial"), (10, "text")],
        [(0, "system"), (20, "user")],
    ]
    for form in sorted(itertools.product(*values), key=lambda form: sum(cost for cost, _ in form)):
        fields: dict[str, Any] = dict(zip(_FORMS, (value for _, value in form), strict=True))
        how = replace(base, **fields)
        no_ids = how.calls == "text" and how.call_ids != "own"
        no_thinking = how.text_beside_calls == "reasoning" and how.reasoning_history == "drop"
        changes = sum(fields[name] != getattr(base, name) for name in _FORMS)
        mistral = how.user_after_results == "folded" and how.call_ids == "nine"
        few = changes < 2 or (changes == 2 and mistral)
        if not no_ids and not no_thinking and (thorough or few):
            yield how


async def _best(
    source: Source, base: Dialect, as_now: dict[str, Verdict]
) -> tuple[Dialect, dict[str, Verdict]]:
    """The form with the least that is wrong, and how the shapes come out in it."""
    best, verdicts, least = base, as_now, _cost(as_now.values())
    for how in _forms(base, source.thorough):
        if least == 0:
            break
        tried: dict[str, Verdict] = {}
        for shape in questions.SHAPES:
            tried[shape.name] = await source.judge(shape, how)
            if _cost(tried.values()) >= least:
                break
        else:
            best, verdicts, least = how, tried, _cost(tried.values())
    return best, verdicts


def _cost(verdicts: Any) -> int:
    return sum(verdict.cost for verdict in verdicts)


async def _from_text(
    source: Source, profile: Profile, base: Dialect, best: Dialect, plain: str, trims: bool
) -> Profile:
    """Add the facts that only a rendered prompt tells."""
    changed = dict(profile.dialect)
    names, on, off = await _switches(source, best)
    if (on, off) != (base.thinking_on, base.thinking_off):
        changed |= {"thinking_on": on, "thinking_off": off}
    effort = await _effort(source, best, on)
    if effort[0]:
        changed["effort_switch"] = effort
    opens = (_opened(plain),) * 3
    if names or not off:
        asked = questions.NEXT.body(marked, best, on | KEEP_THINKING)
        refused = questions.NEXT.body(marked, best, off | KEEP_THINKING)
        opened = _opened(await _text(source, asked)), _opened(await _text(source, refused))
        opens = (opens[0], *opened)
    reuse = await _reuse(source, best)
    if trims and reuse is not None and reuse < LITTLE and best.reasoning_history != "drop":
        dropped = await _reuse(source, replace(best, reasoning_history="drop"))
        if dropped is not None and dropped > reuse + 0.2:
            changed["reasoning_history"], reuse = "drop", dropped
    return replace(
        profile,
        dialect=changed,
        late_system=await _late_system(source, best),
        tools_shown=marked("tool") in plain,
        opens=opens,
        switches=tuple(names),
        reuse=reuse,
    )


async def _text(source: Source, body: Body) -> str:
    """The rendering; "" for none."""
    try:
        return await source.text(body) or ""
    except RefusedError:
        return ""


async def _late_system(source: Source, how: Dialect) -> LateSystem:
    try:
        text = await source.text(questions.LATE_SYSTEM.body(marked, how)) or ""
    except RefusedError:
        return "refused"
    if marked("late") not in text:
        return "lost"
    if marked("system") not in text:
        return "replaces the prompt"
    moved = text.find(marked("late")) < text.find(marked("ask"))
    return "moved to the front" if moved else "in place"


async def _switches(
    source: Source, how: Dialect
) -> tuple[list[str], dict[str, Any], dict[str, Any]]:
    """The thinking switches with an effect; what to send for thinking, and for none."""
    names: list[str] = []
    on, off = dict(how.thinking_on), dict(how.thinking_off)
    for one_on, one_off in THINKING_SWITCHES:
        if not source.mentions(next(iter(one_off))):
            continue
        with_on = await _text(source, questions.NEXT.body(marked, how, one_on))
        with_off = await _text(source, questions.NEXT.body(marked, how, one_off))
        name = next(iter(one_off))
        if with_on and not with_off:
            off.pop(name, None)  # it refuses to be without
        elif with_on != with_off and with_on:
            names.append(name)
            if len(names) == 1 or name == "thinking":
                on, off = on | one_on, off | one_off
    return names, on, off


async def _effort(source: Source, how: Dialect, on: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The template's name for the effort, and those levels that it does not refuse."""
    for name in filter(source.mentions, EFFORT_NAMES):
        seen = {
            level: text
            for level in EFFORTS
            if (text := await _text(source, questions.NEXT.body(marked, how, {**on, name: level})))
        }
        if len(set(seen.values())) > 1:
            levels = tuple(seen)
            # Where any word is written as it comes, the three that models are trained on.
            taken = levels if len(levels) < len(EFFORTS) else ("low", "medium", "high")
            return name, taken
    return "", ()


def _opened(text: str) -> str:
    """The closing tag of the thinking block that a prompt ends in."""
    tail = text[text.rfind(marked("next")) :]
    at, tag = max((tail.rfind(tag), tag) for tag in CLOSERS)
    closer = CLOSERS[tag]
    return closer if at >= 0 and closer not in tail[at:] else ""


async def _reuse(source: Source, how: Dialect) -> float | None:
    """The share of a tool loop's rendering, from its first prompt on, that a new prompt keeps."""
    loop = await _text(source, questions.rounds(ROUNDS, how, then=False))
    then = await _text(source, questions.rounds(ROUNDS, how, then=True))
    front = loop.find(marked("ask"))
    if front < 0 or not then:
        return None
    shared = _shared(loop, then)
    # The generation prompt at the end is no part of what follows it.
    end = loop.rfind("file")
    return max(0.0, min(1.0, (shared - front) / max(1, end - front)))


def lost_in(text: str, shape: Shape) -> Verdict:
    """The pieces of a shape that are missing from its rendering."""
    return Verdict(tuple(name for name in shape.wanted if marked(name) not in text))


def front_changes(one: Render, other: Render, how: Dialect) -> bool | None:
    """True if another day's rendering differs before the first prompt; None if a template fails."""
    body = questions.NEXT.body(marked, how)
    try:
        now, then = one(body), other(body)
    except Exception:  # a template may raise anything
        return None
    return now != then and _shared(now, then) < now.find(marked("ask"))


def _shared(one: str, other: str) -> int:
    """The characters that two texts begin with in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
