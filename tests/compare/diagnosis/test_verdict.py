"""Each known situation is named rightly, whatever the noise (20 seeds each)."""

from __future__ import annotations

import dataclasses

import pytest

from anyclaude_tui.compare.diagnosis.causes import Cause, Confidence, Scenario
from anyclaude_tui.compare.diagnosis.verdict import Verdict, judge
from anyclaude_tui.compare.samples import Way
from tests.compare.made_up import Made, comparison

SEEDS = range(20)
USUAL = Made()

SITUATIONS: dict[str, tuple[tuple[Made, ...], Cause, Scenario]] = {
    "slow prefill": (
        (USUAL, Made(prefill_tokens_per_s=150)),
        Cause.PREFILL,
        Scenario.BACKEND,
    ),
    "slow decode": (
        (USUAL, Made(decode_tokens_per_s=10)),
        Cause.DECODE,
        Scenario.BACKEND,
    ),
    "long thinking": (
        (USUAL, Made(thinking_tokens=700)),
        Cause.THINKING,
        Scenario.BACKEND,
    ),
    "long answer": (
        (USUAL, Made(answer_tokens=700)),
        Cause.LENGTH,
        Scenario.BACKEND,
    ),
    "slow proxy, late": (
        (Made(proxy_first_s=3.0), Made(proxy_first_s=3.0)),
        Cause.PROXY,
        Scenario.PROXY,
    ),
    "slow proxy, dragging": (
        (Made(proxy_per_token_s=0.03), Made(proxy_per_token_s=0.03)),
        Cause.PROXY,
        Scenario.PROXY,
    ),
    "slow proxy on one side": (
        (USUAL, Made(proxy_first_s=6.0)),
        Cause.PROXY,
        Scenario.PROXY,
    ),
    "huge prompt on one side": (
        (USUAL, Made(prompt_tokens=60_000)),
        Cause.CONTEXT,
        Scenario.CONTEXT,
    ),
    "huge prompt on both": (
        (Made(prompt_tokens=60_000), Made(prompt_tokens=60_000)),
        Cause.CONTEXT,
        Scenario.CONTEXT,
    ),
    "lost prefix": (
        (Made(prompt_tokens=8000), Made(prompt_tokens=8000, warm_reuse=0.002)),
        Cause.CACHE,
        Scenario.CONTEXT,
    ),
    "lost prefix, no usage reported": (
        (
            Made(prompt_tokens=8000, reports_usage=False),
            Made(prompt_tokens=8000, warm_reuse=0.002, reports_usage=False),
        ),
        Cause.CACHE,
        Scenario.CONTEXT,
    ),
    "busy queue in the proxy": (
        (USUAL, Made(queue_s=lambda random: random.uniform(10, 30))),
        Cause.QUEUE,
        Scenario.BACKEND,
    ),
    "busy slot in the backend": (
        (USUAL, Made(load_s=lambda random: random.uniform(8, 40))),
        Cause.QUEUE,
        Scenario.BACKEND,
    ),
    "cold load each time": (
        (USUAL, Made(load_s=lambda random: random.uniform(11, 12))),
        Cause.LOAD,
        Scenario.BACKEND,
    ),
    "cold load the first time": (
        (USUAL, Made(first_load_s=25.0)),
        Cause.LOAD,
        Scenario.BACKEND,
    ),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", SITUATIONS)
def test_each_situation_is_named(name: str, seed: int) -> None:
    made, cause, scenario = SITUATIONS[name]
    for order in (made, made[::-1]):
        verdict = judge(comparison(seed, *order))
        assert (verdict.cause, verdict.scenario) == (cause, scenario), verdict
        assert not verdict.close
        assert verdict.remedies
        assert verdict.evidence


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("noise", [0.01, 0.05, 0.10])
@pytest.mark.parametrize("runs", [3, 5])
def test_two_equal_models_are_called_equal(seed: int, noise: float, runs: int) -> None:
    verdict = judge(comparison(seed, USUAL, USUAL, noise=noise, runs=runs))
    assert verdict.cause is Cause.EQUAL
    assert verdict.scenario is None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_small_difference_in_much_noise_is_no_clear_one(seed: int) -> None:
    made = (USUAL, Made(decode_tokens_per_s=39))
    verdict = judge(comparison(seed, *made, noise=0.10))
    assert verdict.cause is Cause.EQUAL


def test_a_small_but_certain_difference_is_called_close() -> None:
    made = (Made(decode_tokens_per_s=40), Made(decode_tokens_per_s=36.5))
    calls = [judge(comparison(seed, *made, noise=0.005, runs=5)) for seed in SEEDS]
    assert all(verdict.close for verdict in calls)
    assert all("too close to call" in verdict.headline for verdict in calls)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_outlier_does_not_make_a_difference(seed: int) -> None:
    made = comparison(seed, USUAL, USUAL, runs=5)
    worst = max((s for s in made.samples if s.target == "b"), key=lambda s: s.view.elapsed_s)
    slow = dataclasses.replace(
        worst, view=dataclasses.replace(worst.view, elapsed_s=10 * worst.view.elapsed_s)
    )
    samples = tuple(slow if sample is worst else sample for sample in made.samples)
    assert judge(dataclasses.replace(made, samples=samples)).cause is Cause.EQUAL


def test_the_numbers_are_in_the_evidence() -> None:
    verdict = judge(comparison(1, USUAL, Made(decode_tokens_per_s=10), noise=0.001))
    assert verdict.confidence is Confidence.HIGH
    assert "b is" in verdict.headline
    assert "slower than a: the backend is the bottleneck (model decode)" in verdict.headline
    text = "\n".join(verdict.evidence)
    assert "decode 10.0 tokens/s against 40.0 (4.0×)" in text
    assert "prefill 799 tokens/s against 799 (equal)" in text
    assert "thinking (turn): 60 of 160 tokens against 60 of 160" in text
    assert "prompt (turn): 3,000 tokens against 3,000" in text
    assert "cache (turn, the same prompt again): 99 % reused against 99 %" in text
    assert "direct, without the proxy" in text
    assert verdict.parts[0].cause is Cause.DECODE


def test_thinking_that_only_replaces_the_answer_costs_nothing() -> None:
    """Both are cut at max_tokens: all thinking is no slower than all answer."""
    made = (Made(thinking_tokens=0, answer_tokens=160), Made(thinking_tokens=160, answer_tokens=0))
    assert judge(comparison(1, *made)).cause is Cause.EQUAL


def test_two_causes_at_once_are_both_in_the_parts() -> None:
    verdict = judge(comparison(1, USUAL, Made(prefill_tokens_per_s=400, decode_tokens_per_s=20)))
    assert verdict.cause is Cause.DECODE
    assert {part.cause for part in verdict.parts[:2]} == {Cause.DECODE, Cause.PREFILL}
    assert verdict.parts[1].seconds > 0.5


def test_one_target_alone_gets_its_own_bottleneck() -> None:
    slow = Made(decode_tokens_per_s=8, thinking_tokens=10)
    verdict = judge(comparison(1, slow))
    assert (verdict.cause, verdict.scenario) == (Cause.DECODE, Scenario.BACKEND)
    assert judge(comparison(1, Made(thinking_tokens=900))).cause is Cause.THINKING
    assert judge(comparison(1, Made(prompt_tokens=60_000))).cause is Cause.CONTEXT
    assert judge(comparison(1, Made(proxy_first_s=5.0))).cause is Cause.PROXY


def test_of_three_the_slowest_is_held_against_the_fastest() -> None:
    made = (Made(decode_tokens_per_s=20), USUAL, Made(decode_tokens_per_s=5))
    verdict = judge(comparison(1, *made))
    assert (verdict.fastest, verdict.slowest) == ("b", "c")
    assert verdict.cause is Cause.DECODE


def test_a_target_that_failed_is_named_with_its_reason() -> None:
    verdict = judge(comparison(1, USUAL, Made(fails="model path missing")))
    assert verdict.cause is Cause.FAILED
    assert "b could not be measured" in verdict.headline
    assert "b: model path missing" in verdict.evidence


def test_without_direct_runs_nothing_is_put_down_to_the_proxy() -> None:
    made = (USUAL, Made(proxy_first_s=6.0))
    verdict = judge(comparison(1, *made, ways=(Way.PROXY,)))
    assert all(finding.cause is not Cause.PROXY for finding in verdict.findings)


def test_nothing_measured_is_no_crash() -> None:
    empty = dataclasses.replace(comparison(1, USUAL, USUAL), samples=())
    assert judge(empty).cause is Cause.FAILED
    nothing = dataclasses.replace(empty, targets=())
    verdict: Verdict = judge(nothing)
    assert verdict.cause is Cause.FAILED


@pytest.mark.parametrize("seed", SEEDS)
def test_a_backend_that_reports_no_progress_is_judged_by_its_speeds(seed: int) -> None:
    made = (
        Made(reports_progress=False),
        Made(reports_progress=False, prefill_tokens_per_s=150),
    )
    assert judge(comparison(seed, *made)).cause is Cause.PREFILL


def test_one_run_has_no_interval() -> None:
    once = judge(
        comparison(
            3, Made(), Made(decode_tokens_per_s=8), runs=1, workloads=("turn",), ways=(Way.PROXY,)
        )
    )
    said = " ".join(once.evidence)
    assert "one run each, so no interval" in said
    assert "95 %" not in said
    more = judge(comparison(3, Made(), Made(decode_tokens_per_s=8)))
    assert "95 % interval" in " ".join(more.evidence)


def test_where_answers_differ_in_length_the_headline_is_for_each_token_too() -> None:
    chatty = judge(comparison(4, Made(), Made(answer_tokens=400, thinking_tokens=240)))
    assert "b is " in chatty.headline
    assert "as many tokens" in chatty.headline
    assert "for each token" in chatty.headline
    alike = judge(comparison(4, Made(), Made(decode_tokens_per_s=8)))
    assert "for each token" not in alike.headline
