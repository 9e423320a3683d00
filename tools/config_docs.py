"""`make docs`: docs/configuration.md from the settings themselves.

python -m tools.config_docs            write it
python -m tools.config_docs --check    exit 1 when it is not what would be written
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from anyclaude_tui.config.reference import Field, Section, sections

TARGET = Path(__file__).parents[1] / "docs" / "configuration.md"
KINDS = {
    "text": "text",
    "whole": "whole number",
    "number": "number",
    "switch": "true or false",
    "texts": "list of texts",
    "wholes": "list of whole numbers",
    "pairs": "table of texts",
    "object": "table",
    "tables": "tables",
}
INTRO = """\
# Configuration

<!-- Made by `make docs` from the docstrings in anyclaude_tui/config/settings.py. -->

Nothing has to be configured: without a file the dashboard shows what it found on this machine
and asks once. What you choose on the first screen and in the settings screen
(`Ctrl+]` then `,`) is written to `config.toml`; comments and order of that file stay.

| where | what for |
|---|---|
| command line | this run only |
| environment: `ANYCLAUDE_MODE`, `ANYCLAUDE_DEBUG`, and the old names below | this shell |
| `.anyclaude.toml` in the folder where you start | this project, see below |
| `config.toml` in `~/.anyclaude/`, or in `$ANYCLAUDE_HOME` | you |
| the defaults below | |

The stronger stands above the weaker. `anyclaude-tui config path` says where the file is,
`anyclaude-tui config show` prints the settings in force, and `anyclaude-tui config check` names
the line and the key of a mistake, with the nearest right one.

## A project's own settings

`.anyclaude.toml` comes with the code of a folder, so it is not trusted by itself. Without a
question it may only choose among the backends of *your* `config.toml` (`backend`, `[roles]`), set
the dashboard's theme, colours and motion, and lower limits. All else (programs, arguments,
variables, URLs, keys, ports, logs) is left out, with one line that names the file, the lines and
the keys. The dashboard (at its start, and `Ctrl+]` `f`) and `anyclaude-tui config trust` list what
the file would set and ask; it then counts until the file changes, and `anyclaude-tui config
untrust` takes that back. Keys and headers are only sent to the URL that the same file names.
`doctor`, `config check` and the JSON line of `serve` name every file in force.

## An example

```toml
backend = "coder"                     # start with this one

[backends.coder]
kind = "mlx_lm"                       # started and watched by us
model = "~/models/Qwen3-Coder-30B-A3B-Instruct-4bit"
context_window = 65536

[backends.studio]
kind = "lmstudio"                     # runs already, or is started with `lms`

[backends.box]
kind = "openai"                       # any OpenAI-compatible server
url = "http://192.168.1.20:8000/v1"
api_key = "env:BOX_KEY"
temperature = 0.7                     # of every request to it, whatever the client asks for
thinking = "low"
first_byte_s = 120                    # a fast machine: do not wait longer
headers = { X-Team = "env:TEAM" }     # beside the key
extra_body = { chat_template_kwargs = { preserve_thinking = true } }

[backends.claude]
kind = "anthropic"                    # the real thing, passed through
api_key = "env:ANTHROPIC_API_KEY"

[roles]
background = "studio"                 # titles and summaries go elsewhere

[limits]
first_byte_s = 1800                   # a large prompt on a slow machine
```
"""
OUTRO = """\
## Environment

| variable | meaning |
|---|---|
| `ANYCLAUDE_HOME` | folder of our files instead of `~/.anyclaude` |
| `ANYCLAUDE_MODE` | as `backend`; `--mode` and `--backend` are stronger |
| `ANYCLAUDE_DEBUG` | as `debug` in `[logs]`: 0 to 3 |
| `ANYCLAUDE_PORT` | as `port` in `[proxy]` |
| `ANYCLAUDE_TOKEN` | as `token` in `[proxy]`; unlike `serve --token` it is not seen in `ps` |
| `LMSTUDIO_URL` | a backend `lmstudio` at that URL |
| `LOCAL_URL` | a backend `local`: an OpenAI-compatible server at that URL |
| `MLX_LM_URL` | a backend `mlx-lm`: an mlx_lm.server that runs there |
| `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` | the way to servers elsewhere |
| `NO_COLOR` | no colours |

## From anyclaude

Where there is no `config.toml`, the `.anyclauderc.json` in your
home, is read as it is: `backend`, `port`, `debug`, and each backend's `baseUrl`, `port`, `model`,
`modelPath`, `apiKey`, `contextLength`, `pythonVenv`. `anyclaude-tui config import` writes a
`config.toml` from it and says what has no counterpart here. `--mode local`, `--mode lmstudio`,
`--mode openrouter` and `--mode claude` work without any file.

## What a request is sampled with

From the strongest to the weakest:

1. `extra_body` of the backend, for whoever knows the server;
2. `temperature`, `top_p`, `top_k`, `min_p`, `repetition_penalty`, `presence_penalty` and `seed` of
   the backend: you have set them for this model, while Claude Code has its own for Claude;
3. what the client sends (`temperature`, `top_p`, `top_k`);
4. the model's own `generation_config.json`, where we see the model's folder (`mlx_lm`,
   `vllm_mlx`, and an mlx_lm.server on this machine): small models repeat themselves without it,
   and mlx_lm.server does not read it;
5. the server's default.

Of `max_output_tokens` and the request's `max_tokens` the smaller counts. `thinking = "off"` wins
over whatever effort the client asks for. Each parameter goes under the name that the server has
for it (`repeat_penalty` for llama.cpp and LM Studio); one that the server does not know is left
out, with a note on the request. *Backends* (`Ctrl+]` `b`) and `doctor` show the values with where
they are from, `anyclaude-tui requests show ID` those of a request. The direct runs of `compare`
use them too. A key that a kind of backend can do nothing with (`seed` for vllm-mlx, `headers` for
a server that we start) is a mistake that `config check` names.

## Tools left out

`leave_out` in `[tools]`, or in a backend's table, takes tools out of what the model is offered.
`Ctrl+]` `o`, or `o` in a request's *Sizes*, lists the tools with what each costs in tokens and, at
the speed at which this backend has read prompts, in seconds; Enter leaves one out or takes it
back. Nothing is left out by itself. A conversation keeps the tools that it began with, so that its
prompt cache stays: a change counts from the next one on. What the model calls all the same is not
passed on: as for any tool that does not exist it reads that there is none, and goes on.

## Secrets

`api_key = "env:NAME"` reads the key from the environment when it is needed, so that the file has
none; so do `headers`, of which no value is shown. `config show` never prints keys or tokens, and
traces are written without them. A `url` may hold a user and password, or a key (`?api_key=…`):
they go with every request and are left out of everything that is shown or logged. On a command
line `ps` shows them: put them into config.toml.
"""


def document() -> str:
    """The whole page."""
    parts = [INTRO, *(_section(section) for section in sections()), OUTRO]
    return "\n".join(parts)


def _section(section: Section) -> str:
    title = f"`[{section.name}]`" if section.name else "At the top"
    words = section.words.partition(": ")[2] if section.name else "Before all tables."
    words = words or section.words
    lines = [f"## {title}", "", words[:1].upper() + words[1:], ""]
    lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    lines += [_row(field) for field in section.fields]
    return "\n".join(lines) + "\n"


def _row(field: Field) -> str:
    words = field.words.replace("|", "\\|")
    return f"| `{field.key}` | {_value(field)} | {_default(field)} | {words} |"


def _value(field: Field) -> str:
    kind = KINDS[field.kind]
    if field.choices:
        return ", ".join(f"`{one}`" for one in field.choices)
    if field.least is not None and field.most is not None:
        most = int(field.most) if field.kind == "whole" else f"{field.most:g}"
        return f"{kind}, {field.least:g} to {most}"
    if field.least == 0 and field.kind == "number":
        return f"{kind} over 0"
    if field.least:
        return f"{kind}, {field.least:g} or more"
    return kind


def _default(field: Field) -> str:
    if field.required:
        return "(required)"
    value: Any = field.default
    if value is None or value in ((), {}):
        return ""
    if isinstance(value, tuple | list):
        return ", ".join(f"`{one}`" for one in value)
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value:,}`".replace(",", "_")


if __name__ == "__main__":
    made = document()
    if "--check" in sys.argv:
        if TARGET.read_text(encoding="utf-8") != made:
            sys.exit(f"{TARGET} is not current: run `make docs`")
    else:
        TARGET.write_text(made, encoding="utf-8")
