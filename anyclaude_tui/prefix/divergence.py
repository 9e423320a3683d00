"""The first difference between two prompts, its cause and cost: the prefix explainer's judgement.

Pure. A server's prefix cache holds what is the same from the first byte on; the first
difference costs all that follows. What Claude Code changes, and where, is in
`docs/protocol/claude-code.md`, "Prefix stability".
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from enum import StrEnum

from anyclaude_tui import figures
from anyclaude_tui.common_prefix import common_prefix
from anyclaude_tui.prefix.segments import BILLING_WORDS, Part, Prompt, Segment
from anyclaude_tui.prefix.text_diff import first_change, line_at


class Cause(StrEnum):
    """The cause for which the prefix ends where it does."""

    FIRST = "first"
    """Nothing to compare with: the first prompt."""
    SWITCH = "switch"
    """The conversation was on another backend or model before: its cache is cold."""
    NEW = "new conversation"
    """Only the system text and the tools are shared; there is no history to lose."""
    SAME = "same prompt"
    EXTENDED = "extended"
    """The earlier prompt is the front of this one: nothing is lost."""
    BILLING = "billing header"
    DATE = "date"
    GIT_STATUS = "git status"
    ENVIRONMENT = "environment"
    """Working directory, model name, operating system."""
    MEMORY = "CLAUDE.md"
    SYSTEM = "system text"
    TOOL_ADDED = "tool added"
    TOOL_REMOVED = "tool removed"
    TOOL_ORDER = "tools reordered"
    TOOL_CHANGED = "tool changed"
    RESULT = "tool result changed"
    HISTORY = "history changed"
    CLEARED = "old tool results cleared"
    COMPACTION = "compaction"
    REWOUND = "went back"
    RENDERED = "rendered anew"
    """The messages only grew, but the chat template renders the turns before anew."""
    SETTINGS = "settings"


KEPT = frozenset({Cause.SAME, Cause.EXTENDED, Cause.FIRST, Cause.NEW})
"""Causes that lose nothing that could have been kept."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A prompt against an earlier one on the same backend."""

    cause: Cause
    shared_bytes: int = 0
    """From the start up to the first difference."""
    size_bytes: int = 0
    """The whole new prompt."""
    lost_bytes: int = 0
    """Of the earlier prompt, what stands behind the first difference."""
    place: str = ""
    """`system block 2`, `tool Bash`, `message 7`; empty when nothing parts."""
    offset_bytes: int = 0
    """The bytes into that place."""
    what: str = ""
    """The change there, in a few words."""
    before: str = ""
    """A short piece of the earlier text at that place, and of the new one."""
    after: str = ""
    against: str = ""
    """The earlier prompt that it was compared with, when not the conversation's own last one."""
    between: str = ""
    """The requests that ran on that cache since the earlier prompt, and may have replaced it."""
    note: str = ""
    """Something else worth knowing, such as what was stripped."""

    @property
    def cost_bytes(self) -> int:
        """The bytes to be prefilled again although the backend had seen as many before."""
        return max(0, min(self.lost_bytes, self.size_bytes - self.shared_bytes))

    @property
    def where(self) -> str:
        """ "`system block 2, 2.1 kB in (git status)`."""
        if not self.place:
            return ""
        depth = f", {figures.size(self.offset_bytes)} in" if self.offset_bytes >= 100 else ""
        return f"{self.place}{depth}" + (f" ({self.what})" if self.what else "")

    def tokens(self, part_bytes: int, prompt_tokens: float | None) -> int | None:
        """The number of tokens of a part of this prompt, estimated by the share of its bytes."""
        if prompt_tokens is None or not self.size_bytes:
            return None
        return round(prompt_tokens * part_bytes / self.size_bytes)


def shared_bytes(before: Prompt, now: Prompt) -> int:
    """The number of bytes that two prompts share from the start."""
    total = 0
    for old, new in zip(before.segments, now.segments, strict=False):
        if old.text != new.text:
            return total + common_prefix(old.text, new.text)
        total += len(new.text)
    return total


def compare(before: Prompt | None, now: Prompt, *, same_conversation: bool = True) -> Comparison:
    """Find the first difference of `now` from `before`, and its cause."""
    if before is None:
        return Comparison(Cause.FIRST, size_bytes=now.size_bytes)
    at = 0
    shared = 0
    olds, news = before.segments, now.segments
    while at < len(olds) and at < len(news) and olds[at].text == news[at].text:
        shared += len(news[at].text)
        at += 1
    old = olds[at] if at < len(olds) else None
    new = news[at] if at < len(news) else None
    offset = common_prefix(old.text, new.text) if old and new else 0
    base = Comparison(
        Cause.EXTENDED,
        shared_bytes=shared + offset,
        size_bytes=now.size_bytes,
        lost_bytes=before.size_bytes - shared - offset,
        note=_billing_note(before, now),
    )
    if old is None:
        if new is not None and new.part is Part.TOOL:
            return _tools_changed(base, before, now, None, new, 0)
        return replace(base, cause=Cause.EXTENDED if new else Cause.SAME, lost_bytes=0)
    if new is None:
        if old.part is Part.TOOL:
            return _tools_changed(base, before, now, old, None, 0)
        last = news[-1] if news else old
        return replace(
            base, cause=Cause.REWOUND, place=last.place, what="the earlier prompt went on here"
        )
    if offset == len(old.text) and at == len(olds) - 1:
        return replace(base, lost_bytes=0)  # the last message has grown
    was, became = first_change(old.text, new.text, offset)
    base = replace(base, place=new.place, offset_bytes=offset, before=was, after=became)
    if Part.TOOL in (old.part, new.part) and (old.part is new.part or new.part is not Part.SYSTEM):
        return _tools_changed(base, before, now, old, new, offset)
    if new.part is Part.SETTINGS or old.part is Part.SETTINGS:
        return replace(base, cause=Cause.SETTINGS, what="the reasoning effort changed")
    if new.part is Part.SYSTEM:
        cause, what = _in_text(old.text, new.text, offset)
        return replace(base, cause=cause or Cause.SYSTEM, what=what)
    return _history_changed(base, before, now, at, same_conversation)


def rendered_anew(told: Comparison, shared: float, lost: float, message: int | None) -> Comparison:
    """The comparison by the messages, corrected by the renderings. `shared`: the share of the new
    one that is as before; `lost`: the share of the earlier one that is read again; `message`: its
    number in which they part."""
    before_bytes = told.shared_bytes + told.lost_bytes
    return replace(
        told,
        cause=Cause.RENDERED,
        shared_bytes=round(told.size_bytes * shared),
        lost_bytes=round(before_bytes * lost),
        place="" if message is None else f"message {message}",
        what="the chat template renders earlier turns anew",
    )


def _billing_note(before: Prompt, now: Prompt) -> str:
    if now.billing and before.billing and now.billing != before.billing:
        return "the billing header changed too, but it was stripped and costs nothing"
    return ""


# --- tools ------------------------------------------------------------------------------------


def _tools_changed(
    base: Comparison,
    before: Prompt,
    now: Prompt,
    old: Segment | None,
    new: Segment | None,
    offset: int,
) -> Comparison:
    was = [s.name for s in before.segments if s.part is Part.TOOL]
    names = [s.name for s in now.segments if s.part is Part.TOOL]
    added = [name for name in names if name not in was]
    removed = [name for name in was if name not in names]
    here = new if new is not None and new.part is Part.TOOL else old
    assert here is not None
    if not added and not removed and was == names:
        return replace(
            base,
            cause=Cause.TOOL_CHANGED,
            place=here.place,
            what="its description or schema changed",
        )
    # Which tool stands here counts; how far their JSON happens to agree does not.
    base = replace(base, place=here.place, offset_bytes=0, before="", after="")
    if not added and not removed:
        what = f"reordered: {old.name} stood here" if old else "reordered"
        return replace(base, cause=Cause.TOOL_ORDER, what=what)
    if here.name in added or not removed:
        words = f"added: {_some(added)}" + (f"; removed: {_some(removed)}" if removed else "")
        return replace(base, cause=Cause.TOOL_ADDED, what=words)
    gone = old.name if old is not None and old.name in removed else removed[0]
    words = f"removed: {_some(removed)}" + (f"; added: {_some(added)}" if added else "")
    return replace(base, cause=Cause.TOOL_REMOVED, place=f"tool {gone}", what=words)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


# --- messages ---------------------------------------------------------------------------------

_COMPACTED = b"This session is being continued from a previous conversation"
_SUMMARY_BYTES = 2_000
"""As much of two summaries is compared: the first words are the same in all."""
_CLEARED = b"[Old tool result content cleared]"


def _history_changed(
    base: Comparison, before: Prompt, now: Prompt, at: int, same_conversation: bool
) -> Comparison:
    old, new = before.segments[at], now.segments[at]
    if _another_summary(before, now, at):
        return replace(base, cause=Cause.COMPACTION, what="compaction: a summary took its place")
    if new.name == "system" or _in_reminder(new.text, base.offset_bytes):
        cause, what = _in_text(old.text, new.text, base.offset_bytes, files=True)
        if new.name != "tool" and old.name == new.name:
            return replace(base, cause=cause or Cause.SYSTEM, what=what or "a reminder changed")
    first_message = now.segments[at - 1].part is not Part.MESSAGE if at else True
    if not same_conversation and first_message:
        return replace(base, cause=Cause.NEW, place="", lost_bytes=0, before="", after="")
    if _CLEARED in new.text and _CLEARED not in old.text:
        return replace(base, cause=Cause.CLEARED, what="an old tool result was cleared")
    if _shrunk(before, now, at):
        return replace(base, cause=Cause.COMPACTION, what="compaction: a shorter history")
    if "result of" in new.detail and old.name == new.name:
        return replace(base, cause=Cause.RESULT, what=f"{new.detail} changed")
    if at == len(now.segments) - 1 and new.name == "user" == old.name and not new.detail:
        return replace(base, cause=Cause.REWOUND, what="another user message than before")
    what = f"{new.detail} changed" if new.detail and old.name == new.name else ""
    what = what or f"the {new.name}'s text changed"
    if old.name != new.name:
        what = f"a message of the {new.name} where the {old.name}'s was"
    return replace(base, cause=Cause.HISTORY, what=what)


def _another_summary(before: Prompt, now: Prompt, at: int) -> bool:
    """A compaction's words are new here, or they are followed by another summary than before."""
    was, became = (
        b"\n".join(segment.text for segment in prompt.segments[at : at + 3]).partition(_COMPACTED)
        for prompt in (before, now)
    )
    return bool(became[1]) and became[2][:_SUMMARY_BYTES] != was[2][:_SUMMARY_BYTES]


def _shrunk(before: Prompt, now: Prompt, at: int) -> bool:
    """The history from `at` on became much shorter, in messages and in bytes."""
    was, have = before.segments[at:], now.segments[at:]
    was_bytes = sum(len(s.text) for s in was)
    have_bytes = sum(len(s.text) for s in have)
    return len(was) >= 6 and len(have) * 2 <= len(was) and have_bytes * 2 <= was_bytes


# --- what a change in a text is about ----------------------------------------------------------

_DATE = re.compile(
    rb"(?:20\d\d[-/.]\d{1,2}[-/.]\d{1,2})|today's date|current ?date"
    rb"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d{1,2}, 20\d\d",
    re.IGNORECASE,
)
_GIT = re.compile(
    rb"gitStatus:|<git_?status>|git status|Current branch:|Recent commits:|Git user:", re.IGNORECASE
)
_MEMORY = re.compile(rb"^Contents of [^\n]*\.md\b[^\n]*:$", re.MULTILINE)
"""The line above each memory file; other texts name such files too (the list of skills)."""
_PLACES = (
    (re.compile(rb"working director|<cwd>|\bcwd\b", re.IGNORECASE), "working directory"),
    (re.compile(rb"\bmemory at `|memory directory", re.IGNORECASE), "memory directory"),
    (re.compile(rb"model named|exact model ID|powered by", re.IGNORECASE), "model name"),
    (re.compile(rb"Platform:|OS Version|Shell:|git repo", re.IGNORECASE), "operating system"),
)
_HEADING = re.compile(rb"^#{1,4} +(.+)$", re.MULTILINE)
_TITLE = re.compile(rb"^(?:#{1,4} +(.+)|([A-Z][^\n]{8,160}:))$", re.MULTILINE)
"""A heading, or a line that announces a list."""
_SECTION_BYTES = 6_000
"""The bytes above a change in which the heading of its section is looked for."""


def _in_text(
    old: bytes, new: bytes, offset: int, *, files: bool = False
) -> tuple[Cause | None, str]:
    """The cause of a change at `offset`, and its name in words.

    `files`: a memory file may stand here in full, with headings of its own.
    """
    line_was, line = line_at(old, offset), line_at(new, offset)
    both = line_was + b"\n" + line
    if BILLING_WORDS.encode() in both.lower():
        return Cause.BILLING, "billing header"
    above = new[max(0, offset - _SECTION_BYTES) : offset]
    if _DATE.search(line) and _DATE.search(line_was) and not _in_section(_GIT, above):
        return Cause.DATE, "date"
    if _GIT.search(both) or _in_section(_GIT, above):
        return Cause.GIT_STATUS, "git status"
    for pattern, name in _PLACES:
        if pattern.search(line) or pattern.search(line_was):
            return Cause.ENVIRONMENT, name
    if _MEMORY.search(both) or (files and _in_section(_MEMORY, above, headings=False)):
        return Cause.MEMORY, "CLAUDE.md or memory"
    titles = _TITLE.findall(above)
    if not titles:
        return None, ""
    title = b"".join(titles[-1]).decode(errors="replace").strip()
    return None, f"in “{title if len(title) <= 48 else title[:47] + '…'}”"


def _in_reminder(text: bytes, offset: int) -> bool:
    """True if the place is inside a reminder, which Claude Code puts before the user's words."""
    opened = text.rfind(b"<system-reminder>", 0, offset)
    return opened > text.rfind(b"</system-reminder>", 0, offset)


def _in_section(pattern: re.Pattern[bytes], above: bytes, *, headings: bool = True) -> bool:
    """True if the last mention stands above with no new heading or tag after it."""
    mentions = [found.end() for found in pattern.finditer(above)]
    if not mentions:
        return False
    rest = above[mentions[-1] :]
    return b"</system-reminder>" not in rest and not (headings and _HEADING.search(rest))


def short_diff(comparison: Comparison) -> tuple[str, ...]:
    """The change as a few lines, `-` before and `+` after; empty when nothing parts."""
    old, new = comparison.before.splitlines(), comparison.after.splitlines()
    lines = list(difflib.unified_diff(old, new, n=0, lineterm=""))
    return tuple(line for line in lines if not line.startswith(("---", "+++", "@@")))
