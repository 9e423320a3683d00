"""The test that tells a difference between two groups of timed runs from scatter.

Few runs are the rule (three or so), so: medians, not means; one estimate of the scatter
from all groups together (by the median absolute deviation, which a single slow outlier
does not move); a little prior scatter, so that three runs which agree by luck prove
nothing; and Student's t, which asks for more the fewer runs there are. Everything is in
logarithms: a ratio is a difference, and twice as slow weighs as much as twice as fast.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist, median

PRIOR_SCATTER, PRIOR_DF = 0.03, 2.0
"""Timed runs on a quiet machine scatter by about 3 %; it counts like two more runs."""
SMALL = 1.05
"""A smaller ratio is called equal, however certain it is."""
NOTABLE = 1.12
"""A smaller ratio is never called clear."""
_MAD_TO_SIGMA = 1.4826
_MEDIAN_COST = 1.2533
"""The standard error of a median over that of a mean, for normal scatter."""


class Level(StrEnum):
    """The certainty of a difference."""

    EQUAL = "equal"
    """Inside the noise, or too small to matter."""
    CLOSE = "close"
    """Perhaps: 90 % sure, or small."""
    CLEAR = "clear"
    """99 % sure, and large enough to notice."""


@dataclass(frozen=True, slots=True)
class Shift:
    """The ratio of B to A, with its interval."""

    ratio: float
    """B / A, of the medians."""
    low: float
    high: float
    """The 95 % interval of the ratio."""
    level: Level
    repeated: bool = True
    """Something was measured more than once: else nobody knows how it scatters, and the interval
    is a guess that is not shown."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and how far the runs lie from it."""

    median: float
    mad: float
    """Median absolute deviation."""
    low: float
    high: float
    n: int


def spread(values: Sequence[float]) -> Spread | None:
    """Median and spread; None of nothing."""
    if not values:
        return None
    middle = median(values)
    deviation = median(abs(value - middle) for value in values)
    return Spread(middle, deviation, min(values), max(values), len(values))


def shift(groups: Iterable[tuple[Sequence[float], Sequence[float]]]) -> Shift | None:
    """Compare A with B over pairs of groups that were measured alike.

    Each pair holds A's and B's values under the same circumstances (same workload, same
    prefix). Values that are not positive are left out; None when no pair has both sides.
    """
    pairs = [(_logs(a), _logs(b)) for a, b in groups]
    pairs = [(a, b) for a, b in pairs if a and b]
    if not pairs:
        return None
    weights = [1 / (1 / len(a) + 1 / len(b)) for a, b in pairs]
    total = sum(weights)
    effect = sum(
        weight * (median(b) - median(a)) for weight, (a, b) in zip(weights, pairs, strict=True)
    )
    effect /= total
    df = sum(len(a) + len(b) - 2 for a, b in pairs)
    error = _scatter([side for pair in pairs for side in pair], df) * _MEDIAN_COST
    error /= math.sqrt(total)
    df_all = df + PRIOR_DF
    ratio, size = math.exp(effect), abs(effect)
    level = Level.EQUAL
    if size >= math.log(SMALL) and size > _t(0.90, df_all) * error:
        level = Level.CLOSE
        if size >= math.log(NOTABLE) and size > _t(0.99, df_all) * error:
            level = Level.CLEAR
    margin = _t(0.95, df_all) * error
    return Shift(ratio, math.exp(effect - margin), math.exp(effect + margin), level, df > 0)


def _logs(values: Sequence[float]) -> list[float]:
    return [math.log(value) for value in values if value > 0]


def _scatter(groups: Sequence[Sequence[float]], df: float) -> float:
    """Standard deviation inside the groups, robust, with the prior mixed in.

    Each group's own median is fitted to it, so one of its residuals says nothing: the
    smallest of each group is left out.
    """
    residuals: list[float] = []
    for group in groups:
        middle = median(group)
        residuals += sorted(abs(value - middle) for value in group)[1:]
    own = _MAD_TO_SIGMA * median(residuals) if residuals else 0.0
    return math.sqrt((df * own**2 + PRIOR_DF * PRIOR_SCATTER**2) / (df + PRIOR_DF))


def _t(sure: float, df: float) -> float:
    """Student's t, two-sided (Cornish-Fisher; within 2 % from 3 degrees of freedom on)."""
    z = NormalDist().inv_cdf(0.5 + sure / 2)
    return (
        z
        + (z**3 + z) / (4 * df)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * df**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * df**3)
    )
