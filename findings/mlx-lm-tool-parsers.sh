#!/usr/bin/env bash
# An indented line with its line end, as a string of a tool call (what an edit of source text
# is made of), read by mlx_lm's parser of each model family that writes values as raw text.
#
# Guess before the run: a parameter that the schema calls a string arrives as the model wrote it,
# but for the line ends that the format itself puts around it.
# Seen (mlx_lm 0.32.2): glm47, longcat and minimax_m2 strip it: indentation and line end are gone,
# so that an edit puts unindented code into a Python file. qwen3_coder, minimax_m2 and minicpm5 make
# the text `null` a null. qwen3_coder, kimi_k3, gemma4 and minicpm5's CDATA keep the white space.
# Nothing is logged, and behind the server the model's text cannot be had.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv >/dev/null
packages=(mlx-lm==0.32.2)
[ "$(uname)" = Linux ] && packages+=('mlx[cpu]==0.32.4')
venv/bin/pip install --quiet "${packages[@]}" 2>/dev/null

cat >run.py <<'PY'
import importlib, json
TOOLS = [{"type": "function", "function": {"name": "Add", "parameters": {
    "type": "object", "properties": {"text": {"type": "string"}}}}}]
AS_WRITTEN = {  # one call, as each family's chat template writes it
    "qwen3_coder": "<function=Add>\n<parameter=text>\n%s\n</parameter>\n</function>",
    "glm47": "Add<arg_key>text</arg_key><arg_value>%s</arg_value>",
    "longcat": "Add\n<longcat_arg_key>text</longcat_arg_key>\n"
               "<longcat_arg_value>%s</longcat_arg_value>\n",
    "minimax_m2": '<invoke name="Add">\n<parameter name="text">%s</parameter>\n</invoke>\n',
    "kimi_k3": '<|open|>call tool="Add" index="1"<|sep|><|open|>argument key="text" '
               'type="string"<|sep|>%s<|close|>argument<|sep|><|close|>call<|sep|>',
    "gemma4": 'call:Add{text:<|"|>%s<|"|>}',
    "minicpm5": '<function name="Add"><param name="text"><![CDATA[%s]]></param></function>',
}
for family, form in AS_WRITTEN.items():
    parse = importlib.import_module(f"mlx_lm.tool_parsers.{family}").parse_tool_call
    got = []
    for text in ("    return 1\n", "null"):
        calls = parse(form % text, TOOLS)
        call = calls[0] if isinstance(calls, list) else calls
        got.append(json.dumps(call["arguments"]["text"]))
    print(f"{family}:", *got, sep="  ")
PY
seen=$(timeout 200 venv/bin/python run.py 2>log) || { tail -n 20 log; exit 1; }
echo "$seen"
expected='qwen3_coder:  "    return 1\n"  null
glm47:  "return 1"  "null"
longcat:  "return 1"  "null"
minimax_m2:  "return 1"  null
kimi_k3:  "    return 1\n"  "null"
gemma4:  "    return 1\n"  "null"
minicpm5:  "    return 1\n"  null'
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
