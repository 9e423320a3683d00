"""Slopes and charts of the growth measurements, and the bodies that they send."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import translate
from benchmarks.bodies import body, claude_code, turns
from benchmarks.chart import Line, Plot, draw
from benchmarks.growth import Growth


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_the_slope_is_the_exponent_of_the_last_decade(power: float) -> None:
    sizes = [1.0, 10.0, 100.0, 1000.0]
    costs = [50.0, *(size**power for size in sizes[1:])]
    assert Growth("g", "x", "y", sizes, costs).slope == pytest.approx(power)


@pytest.mark.parametrize("log", [True, False])
def test_a_chart_is_an_svg_whose_points_are_inside(log: bool) -> None:
    line = Line("CPU", [1, 10, 1000], [0.5, 3, 80])
    root = ElementTree.fromstring(draw([Plot("a < b", "bytes", "ms", [line], log)] * 3))
    circles = [e for e in root.iter() if e.tag.endswith("circle")]
    assert len(circles) == 9
    for circle in circles:
        assert 0 <= float(circle.attrib["cx"]) <= float(root.attrib["width"])
        assert 0 <= float(circle.attrib["cy"]) <= float(root.attrib["height"])


def test_the_requests_are_of_the_size_they_claim_and_can_be_translated() -> None:
    assert 110_000 < len(claude_code("hang")) < 130_000
    assert 120_000 < len(body("hang", 125_000)) < 130_000
    for payload in (claude_code("hang"), turns(30, 1, "hang"), body("hang")):
        request = translate(json.loads(payload), Endpoint("http://x", "m"), CallMemory())
        assert "@@hang@@" in json.dumps(request.body["messages"][-1])
