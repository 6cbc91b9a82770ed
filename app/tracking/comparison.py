"""Whether one group of runs is really better than another: Welch's test, effect size, Holm's correction."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

ERROR_RATE = 0.05
"""How often groups that do not differ may be said to differ, over all comparisons that are shown together."""

_SMALLEST = 1e-300
_STEPS = 500
_PRECISION = 1e-14


@dataclass(frozen=True)
class Sample:
    """What is known of the values of a group: `deviation` is the sample standard deviation."""

    count: int
    mean: float | None
    deviation: float | None


@dataclass(frozen=True)
class Answer:
    """`difference` is that of the means, and `low` to `high` its 95 % confidence interval.

    `effect` is Hedges' g, `probability` the two-sided p value after Holm's correction. All of them
    are None where a group has too few values, which `reason` then says.
    """

    verdict: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    effect: float | None = None
    probability: float | None = None
    reason: str = ""

    @property
    def magnitude(self) -> str:
        """The size of the effect in Cohen's words."""
        if self.effect is None:
            return ""
        size = abs(self.effect)
        return "negligible" if size < 0.2 else "small" if size < 0.5 else "medium" if size < 0.8 else "large"


@dataclass(frozen=True)
class _Test:
    difference: float
    error: float
    freedom: float
    effect: float
    probability: float


def against_first(samples: Sequence[Sample]) -> list[Answer | None]:
    """Each sample against the first, whose own answer is None; the more there are, the stricter."""
    tests = [_welch(samples[0], sample) for sample in samples[1:]]
    corrected = iter(holm([test.probability for test in tests if isinstance(test, _Test)]))
    answers: list[Answer | None] = [None] if samples else []
    for test in tests:
        answers.append(test if isinstance(test, Answer) else _answer(test, next(corrected)))
    return answers


def _welch(base: Sample, other: Sample) -> _Test | Answer:
    """Welch's t test (Welch 1947), with the degrees of freedom of Satterthwaite 1946."""
    for sample in (base, other):
        if sample.count < 2 or sample.mean is None or sample.deviation is None:
            runs = "one run" if sample.count == 1 else f"{sample.count} runs"
            what = "the first group" if sample is base else "this group"
            return Answer("not comparable", reason=f"{what} has {runs} with the metric; a comparison needs two")
    difference = other.mean - base.mean
    parts = [sample.deviation**2 / sample.count for sample in (base, other)]
    error = math.sqrt(sum(parts))
    if error == 0:
        return Answer("not comparable", difference, reason="the values within each group are all the same")
    freedom = sum(parts) ** 2 / sum(
        part**2 / (sample.count - 1) for part, sample in zip(parts, (base, other), strict=True)
    )
    return _Test(difference, error, freedom, _hedges(base, other), two_sided(difference / error, freedom))


def _hedges(base: Sample, other: Sample) -> float:
    """Hedges' g (1981): the difference in pooled standard deviations, corrected for small samples."""
    freedom = base.count + other.count - 2
    pooled = ((base.count - 1) * base.deviation**2 + (other.count - 1) * other.deviation**2) / freedom
    return (other.mean - base.mean) / math.sqrt(pooled) * (1 - 3 / (4 * freedom - 1))


def _answer(test: _Test, probability: float) -> Answer:
    reach = quantile(1 - ERROR_RATE / 2, test.freedom) * test.error
    verdict = "no clear difference"
    if probability < ERROR_RATE:
        verdict = "higher" if test.difference > 0 else "lower"
    low, high = test.difference - reach, test.difference + reach
    return Answer(verdict, test.difference, low, high, test.effect, probability)


def holm(probabilities: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): p values that keep the error rate over all of them together."""
    order = sorted(range(len(probabilities)), key=probabilities.__getitem__)
    corrected = [0.0] * len(probabilities)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, probabilities[index] * (len(probabilities) - rank)))
        corrected[index] = highest
    return corrected


def two_sided(t: float, freedom: float) -> float:
    """The probability that Student's t of so many degrees of freedom lies at least that far from 0."""
    return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


def quantile(probability: float, freedom: float) -> float:
    """The t, at least 0, below which Student's distribution has that probability, which is at least 0.5."""
    tail = 2 * (1 - probability)
    low, high = 0.0, 1.0
    while two_sided(high, freedom) > tail and high < 1e12:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        if two_sided(middle, freedom) > tail:
            low = middle
        else:
            high = middle
    return high


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(scale) / a * _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """Evaluated from the front by Lentz's method."""
    c, d = 1.0, 1 / _apart(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _apart(1 + term * d)
            c = _apart(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


def _apart(value: float) -> float:
    return value if abs(value) > _SMALLEST else _SMALLEST
