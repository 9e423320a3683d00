"""A little of `make fuzz` in every run: the proxy and a backend's words, from one seed."""

from __future__ import annotations

import time

from tests.proxy.fuzz_http import models, surface


async def test_odd_requests_and_odd_answers_end_in_order() -> None:
    assert await surface(7, 60, time.monotonic() + 60) > 0


async def test_a_backend_may_say_anything_of_its_models() -> None:
    assert await models(7, 30, time.monotonic() + 60) > 0
