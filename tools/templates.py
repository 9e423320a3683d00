"""`make templates`: chat templates in the wild through our own translation, and what is whole.

Brings pinned public packages that ship templates into a temporary folder and sends each of
Claude Code's shapes (`template_shapes.py`) through translation and both engines, transformers'
and llama.cpp's: as OpenAI's API has it with late system messages left standing, and in the form
that the profile chose. Where that is not whole every form is tried, so that none is overlooked.
Fails when a template is worse than it was, or than the best form. Nothing of the templates is kept
in the repository.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from jinja2.exceptions import TemplateError

from anyclaude_tui.backends import http
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.templates.jinja import renderer
from anyclaude_tui.backends.templates.profile import Profile, applied, examine
from anyclaude_tui.backends.templates.sources import AskedSource, RenderedSource
from tools.template_engines import LlamaCpp, Render, llama_of, transformers_of
from tools.template_packages import bring
from tools.template_shapes import faults, forms

BASE = Dialect(enable_thinking=True, reasoning_history="reasoning_content")
STANDING = replace(BASE, late_system="system")
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": ""}
LISTS = "it takes content as a list of parts only: who serves it makes one of our text"
PARSER = "llama.cpp cannot make a parser of the calls that it renders, and refuses any with tools"
NOT_WHOLE: Mapping[tuple[str, str], str] = {
    **{
        ("jinja", f"trl: {name}{more}"): LISTS
        for name in ("idefics3", "smolvlm", "llava_next")
        for more in ("", "_training")
    },
    ("jinja", "llama: fireworks-ai-llama-3-firefunction-v2"): (
        "it wants its tools as a variable `functions` that no server gives it"
    ),
    ("jinja", "llama: llama-cpp-deepseek-r1"): (
        "it is written for llama.cpp: transformers cannot make JSON of what it makes of tools"
    ),
    ("llama.cpp", "axolotl: jamba"): PARSER,
    ("llama.cpp", "axolotl: llama3_2_vision"): PARSER,
}
"""(engine, template) → why no form of ours can mend it."""


@dataclass
class Count:
    """The results with one engine."""

    templates: int = 0
    before: int = 0
    whole: int = 0


def main() -> None:
    """Print a row for each template, and the counts; exit code 1 for a fault of ours."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    wrong: list[str] = []
    counts = {"jinja": Count(), "llama.cpp": Count()}
    with tempfile.TemporaryDirectory() as folder, LlamaCpp(Path(folder)) as llama:
        templates = [one for one in bring(Path(folder)) if wanted in one[0]]
        for name, text in templates:
            try:
                profile = asyncio.run(examine(RenderedSource(renderer(text, TOKENS), text), BASE))
            except TemplateError as error:
                wrong.append(f"{name} is no template: {error}")
                continue
            row = _row("jinja", name, transformers_of(text, TOKENS), profile, counts, wrong)
            print(_line(name, profile, row), flush=True)
            url = llama.serve(text)
            if url is None:
                print(f"{'':<46} llama.cpp: it does not load", flush=True)
                continue
            asked = asyncio.run(_asked(url, text))
            with httpx.Client(base_url=url, trust_env=False) as client:
                row = _row("llama.cpp", name, llama_of(client), asked, counts, wrong)
            if row or asked.dialect != profile.dialect:
                print(f"{'':<46} llama.cpp: {_form(asked)}{row}", flush=True)
    by = Counter(name.partition(":")[0] for name, _ in templates)
    print(f"{len(templates)} templates: " + ", ".join(f"{n} of {who}" for who, n in by.items()))
    for engine, count in counts.items():
        print(
            f"{engine}: {count.templates} of them rendered, {count.before} whole with late "
            f"system messages standing, {count.whole} in the form of the profile"
        )
    for words in wrong:
        print(f"! {words}")
    raise SystemExit(bool(wrong))


async def _asked(url: str, text: str) -> Profile:
    async with http.client(url, timeout_s=60) as client:
        return await examine(AskedSource(client, "m", text), BASE)


def _row(
    engine: str,
    name: str,
    render: Render,
    profile: Profile,
    counts: Mapping[str, Count],
    wrong: list[str],
) -> str:
    """The shapes that the profile's form does not keep whole; faults of ours go to `wrong`."""
    now = faults(render, applied(profile, BASE))
    before = faults(render, STANDING)
    count = counts[engine]
    count.templates += 1
    count.before += not before
    count.whole += not now
    if not now:
        return ""
    shape, words = next(iter(now.items()))
    told = f"\n  ! {len(now)} not whole: {shape}: {words}"
    if len(before) < len(now):
        wrong.append(f"{engine}, {name}: {len(now)} not whole, {len(before)} as it was")
    best = min(
        ((len(faults(render, how, most=len(now))), how) for how in forms(applied(profile, BASE))),
        key=lambda one: one[0],
    )
    if best[0] < len(now):
        wrong.append(f"{engine}, {name}: {best[0]} of {len(now)} would be left by {best[1]}")
    elif best[0] and not (why := NOT_WHOLE.get((engine, name), "")):
        wrong.append(f"{engine}, {name}: not whole in any form, and not named")
    else:
        told += f"\n    no form is better: {why}"
    return told


def _line(name: str, profile: Profile, row: str) -> str:
    reuse = "?" if profile.reuse is None else f"{profile.reuse:.0%}"
    late = profile.late_system
    return f"{name[:46]:<46} late: {late:<19} reuse {reuse:<5} {_form(profile)}{row}"


def _form(profile: Profile) -> str:
    return ", ".join(f"{key}={value}" for key, value in profile.dialect.items()) or "as it is"


if __name__ == "__main__":
    main()
