"""The pictures that are shown say what the screens say now: their text is compared, not pixels."""

from __future__ import annotations

import pytest

from tools import screenshots
from tools.screenshots import FOLDER, SHOTS, SIZES, picture, stage, text_of


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
async def test_a_picture_is_current(shot: screenshots.Shot, size: tuple[int, int]) -> None:
    path = FOLDER / f"{shot.name}-{size[0]}x{size[1]}.svg"
    with stage() as folder:
        now = text_of(await picture(shot, size, folder))
    assert text_of(path.read_text(encoding="utf-8")) == now, "run `make screenshots`"


def test_no_picture_is_left_over() -> None:
    expected = {f"{shot.name}-{size[0]}x{size[1]}" for shot in SHOTS for size in SIZES}
    assert {path.stem for path in FOLDER.glob("*.svg")} == expected
    assert {path.stem for path in FOLDER.glob("*.png")} <= expected


def test_text_of_reads_rows_from_left_to_right() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg">'
        '<text class="a" x="24" y="20">b\xa0\xa0c</text><text class="b" x="0" y="20">a </text>'
        '<text class="b" x="0" y="44">d</text></svg>'
    )
    assert text_of(svg) == ["a b c", "d"]
