"""Whether one group of runs is really better than another: a test, an effect size, Holm's correction, a sentence."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.tracking import bootstrap

ERROR_RATE = 0.05
"""How often groups that do not differ may be said to differ, over all comparisons that are shown together."""

_NORMAL = 1.959964
"""Of the standard normal distribution 95 % lie within it on both sides of 0."""
_LESS_IS_BETTER = re.compile(
    r"loss|err(or)?\b|error|rmse|\bmae\b|\bmse\b|mape|perplexity|latency|duration|time|cost", re.IGNORECASE
)
_SMALLEST = 1e-300
_STEPS = 500
_PRECISION = 1e-14


@dataclass(frozen=True)
class Sample:
    """What is known of the values of a group: `deviation` is the sample standard deviation.

    `by_seed` holds the value for each seed, where the runs tell theirs.
    """

    count: int
    mean: float | None
    deviation: float | None
    by_seed: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """`difference` is that of the means, and `low` to `high` its 95 % confidence interval.

    `effect` is in standard deviations with its own 95 % interval, `probability` the two-sided p value,
    corrected by Holm. All of them are None where a group has too few values, which `reason` then says.
    `pairs` counts the seeds that both groups have if runs of one seed were compared with each other, else 0.
    """

    verdict: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    effect: float | None = None
    effect_low: float | None = None
    effect_high: float | None = None
    probability: float | None = None
    pairs: int = 0
    reason: str = ""

    @property
    def magnitude(self) -> str:
        """The size of the effect in Cohen's words."""
        if self.effect is None:
            return ""
        size = abs(self.effect)
        return "negligible" if size < 0.2 else "small" if size < 0.5 else "medium" if size < 0.8 else "large"

    def said(self, *, higher_is_better: bool) -> str:
        """The verdict for whoever wants the metric high, or low."""
        words = {"higher": "better", "lower": "worse"} if higher_is_better else {"higher": "worse", "lower": "better"}
        return words.get(self.verdict, self.verdict)


def higher_is_better(metric: str) -> bool:
    """What is wanted of a metric of that name, as far as a name can tell."""
    return _LESS_IS_BETTER.search(metric) is None


def against(base: Sample, samples: Sequence[Sample]) -> list[Answer]:
    """Each sample against the base; the more there are, the stricter."""
    tests = [_test(base, sample) for sample in samples]
    corrected = iter(holm([test.probability for test in tests if test.probability is not None]))
    return [test if test.probability is None else _judged(test, next(corrected)) for test in tests]


def _judged(test: Answer, probability: float) -> Answer:
    verdict = "no clear difference"
    if probability < ERROR_RATE:
        verdict = "higher" if test.difference > 0 else "lower"
    return replace(test, verdict=verdict, probability=probability)


def _test(base: Sample, other: Sample) -> Answer:
    for sample in (base, other):
        if sample.count < 2 or sample.mean is None or sample.deviation is None:
            runs = "one run" if sample.count == 1 else f"{sample.count} runs"
            what = "the base" if sample is base else "this group"
            return Answer("not comparable", reason=f"{what} has {runs} with the metric; a comparison needs two")
    shared = sorted(base.by_seed.keys() & other.by_seed.keys())
    if len(shared) >= bootstrap.FEWEST_PAIRS:
        return _paired([other.by_seed[seed] - base.by_seed[seed] for seed in shared])
    return _welch(base, other)


def _paired(differences: Sequence[float]) -> Answer:
    """The bootstrap of the differences; the effect is Cohen's d of them, with the correction of Hedges."""
    found = bootstrap.resample(tuple(differences))
    if found is None:
        return Answer("not comparable", differences[0], reason="the difference is the same for every seed")
    count = len(differences)
    effect = found.mean / found.deviation * (1 - 3 / (4 * (count - 1) - 1))
    reach = _NORMAL * math.sqrt(1 / count + effect**2 / (2 * count))
    interval = (found.low, found.high, effect, effect - reach, effect + reach)
    return Answer("", found.mean, *interval, found.probability, pairs=count)


def _welch(base: Sample, other: Sample) -> Answer:
    """Welch's t test (Welch 1947), with the degrees of freedom of Satterthwaite 1946; the effect is Hedges' g."""
    difference = other.mean - base.mean
    parts = [sample.deviation**2 / sample.count for sample in (base, other)]
    error = math.sqrt(sum(parts))
    if error == 0:
        return Answer("not comparable", difference, reason="the values within each group are all the same")
    freedom = sum(parts) ** 2 / sum(
        part**2 / (sample.count - 1) for part, sample in zip(parts, (base, other), strict=True)
    )
    reach = quantile(1 - ERROR_RATE / 2, freedom) * error
    effect = _hedges(base, other)
    # Hedges & Olkin 1985.
    counts = base.count + other.count
    wide = _NORMAL * math.sqrt(counts / (base.count * other.count) + effect**2 / (2 * counts))
    interval = (difference - reach, difference + reach, effect, effect - wide, effect + wide)
    return Answer("", difference, *interval, two_sided(difference / error, freedom))


def _hedges(base: Sample, other: Sample) -> float:
    """Hedges' g (1981): the difference in pooled standard deviations, corrected for small samples."""
    freedom = base.count + other.count - 2
    pooled = ((base.count - 1) * base.deviation**2 + (other.count - 1) * other.deviation**2) / freedom
    return (other.mean - base.mean) / math.sqrt(pooled) * (1 - 3 / (4 * freedom - 1))


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
