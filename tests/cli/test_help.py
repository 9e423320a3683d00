"""What the command line says of itself: each --help, and the hint where -- was forgotten."""

from __future__ import annotations

import shlex

import pytest

from anyclaude_tui.cli.completions import commands
from anyclaude_tui.cli.help_texts import HELP
from anyclaude_tui.cli.main import full_parser, main


def test_every_command_has_a_sentence_and_an_example() -> None:
    assert {command.name for command in commands(full_parser())} == set(HELP)


@pytest.mark.parametrize("name", HELP)
def test_its_help_begins_with_the_sentence_and_ends_with_the_examples(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["help", *name.split()])
    said = capsys.readouterr().out
    sentence, examples = HELP[name]
    assert ended.value.code == 0
    assert " ".join(sentence.split()[:3]) in said.split("\n\n")[1]
    assert said.rstrip().endswith(f"anyclaude-tui {examples[-1]}".rstrip())


@pytest.mark.parametrize("example", [one for _, examples in HELP.values() for one in examples])
def test_each_example_is_understood(example: str) -> None:
    own = shlex.split(example.partition("--\0")[0].partition(" > ")[0].partition("-- ")[0])
    if own[:1] != ["help"]:
        full_parser().parse_args([word for word in own if word != "--"])


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("run -p hi", "anyclaude-tui run -- -p hi"),
        ("--continue", "anyclaude-tui -- --continue"),
        ("-p 'two words'", "anyclaude-tui -- -p 'two words'"),
        ("run --backend simulator --resume x", "anyclaude-tui run --backend simulator -- --resume"),
        ("--model opus", "anyclaude-tui -- --model opus"),
    ],
)
def test_what_is_claude_codes_is_told_to_stand_behind_the_dashes(
    given: str, right: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(given))
    assert ended.value.code == 2
    assert right in capsys.readouterr().err


def test_a_slip_in_an_option_of_ours_is_not_taken_for_claude_codes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--bakcend", "lmstudio"])
    assert "did you mean --backend?" in capsys.readouterr().err


def test_an_unknown_option_of_a_command_names_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "-p"])
    assert "serve knows no -p: `anyclaude-tui help serve`" in capsys.readouterr().err
