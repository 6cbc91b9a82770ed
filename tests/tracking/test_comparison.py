"""Whether one group of runs is better than another: checked against SciPy's values, and for its error rate."""

import random
from statistics import fmean, stdev

import pytest

from app.tracking.comparison import Answer, Sample, against, higher_is_better, holm, quantile, two_sided


def sample(values: list[float]) -> Sample:
    return Sample(len(values), fmean(values) if values else None, stdev(values) if len(values) > 1 else None)


def against_first(samples: list[Sample]) -> list[Answer]:
    return against(samples[0], samples[1:])


@pytest.mark.parametrize(
    ("t", "freedom", "probability"),
    # 2 * scipy.stats.t.sf(t, freedom), SciPy 1.17.1
    [
        (0.5, 1, 0.704832764699),
        (2.0, 3.7, 0.121817201905),
        (4.303, 2, 0.0499925249852),
        (1.96, 1000, 0.0502731849557),
        (12.0, 30, 5.5801854152e-13),
        (0.01, 15, 0.992153076244),
    ],
)
def test_tails_of_students_distribution_are_those_of_scipy(t, freedom, probability):
    assert two_sided(t, freedom) == pytest.approx(probability, rel=1e-9)
    assert two_sided(-t, freedom) == pytest.approx(probability, rel=1e-9)
    assert quantile(1 - probability / 2, freedom) == pytest.approx(t, rel=1e-5, abs=1e-9)


def test_the_test_is_that_of_scipy():
    base, other = [0.81, 0.79, 0.80, 0.83], [0.86, 0.88, 0.85]
    answer = against_first([sample(base), sample(other)])[0]
    # scipy.stats.ttest_ind(other, base, equal_var=False) and its confidence_interval()
    assert answer.probability == pytest.approx(0.00699138694425, rel=1e-9)
    assert (answer.low, answer.high) == pytest.approx((0.02373660934, 0.08793005733), rel=1e-6)
    assert answer.verdict == "higher" and answer.magnitude == "large"


def test_the_other_way_round_is_lower():
    assert against_first([sample([3, 3.1, 2.9]), sample([1, 1.1, 0.9])])[0].verdict == "lower"


def test_one_run_is_not_comparable():
    for samples in ([[1.0], [2.0, 3.0]], [[1.0, 2.0], [3.0]], [[1.0, 2.0], []]):
        answer = against_first([sample(values) for values in samples])[0]
        assert answer.verdict == "not comparable" and "needs two" in answer.reason and answer.probability is None


def test_values_without_spread_are_not_comparable():
    assert against_first([sample([1.0, 1.0]), sample([2.0, 2.0])])[0].verdict == "not comparable"


def test_holm_keeps_the_order_and_never_goes_above_one():
    # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []


def test_more_comparisons_make_a_verdict_stricter():
    base, near = sample([0.80, 0.82, 0.81, 0.79]), sample([0.83, 0.845, 0.83, 0.815])
    alone = against_first([base, near])[0]
    among = against_first([base, near, *[sample([0.80, 0.81, 0.79])] * 9])[0]
    assert alone.verdict == "higher" and among.verdict == "no clear difference"
    assert among.probability > alone.probability


@pytest.mark.parametrize("groups", [2, 5])
def test_groups_that_do_not_differ_are_rarely_said_to(groups):
    chance = random.Random(7)
    trials, wrong = 300, 0
    for _ in range(trials):
        samples = [sample([chance.gauss(0, 1) for _ in range(6)]) for _ in range(groups)]
        wrong += any(answer.verdict in ("higher", "lower") for answer in against_first(samples))
    # Three standard errors above the stated rate of one in twenty.
    assert wrong / trials < 0.05 + 3 * (0.05 * 0.95 / trials) ** 0.5


def paired(values: dict[str, float]) -> Sample:
    return Sample(len(values), fmean(values.values()), stdev(values.values()), values)


def test_seeds_that_both_groups_have_are_compared_in_pairs():
    base = {str(seed): seed for seed in range(8)}
    better = paired({seed: value + 0.5 + int(seed) % 2 / 10 for seed, value in base.items()})
    answer = against(paired(base), [better])[0]
    assert answer.pairs == 8 and answer.verdict == "higher" and answer.low > 0.4 and answer.probability < 0.05
    assert answer.effect_low < answer.effect < answer.effect_high
    alone = Sample(better.count, better.mean, better.deviation)
    assert against(paired(base), [alone])[0].verdict == "no clear difference"
    shifted = paired({seed: value + 1 for seed, value in base.items()})
    assert "same for every seed" in against(paired(base), [shifted])[0].reason


@pytest.mark.parametrize("runs", [5, 10])
def test_pairs_that_do_not_differ_are_rarely_said_to(runs):
    chance = random.Random(11)
    trials, wrong = 200, 0
    for _ in range(trials):
        seeds = {str(seed): chance.gauss(0, 1) for seed in range(runs)}
        samples = [paired({seed: effect + chance.gauss(0, 1) for seed, effect in seeds.items()}) for _ in range(2)]
        wrong += against_first(samples)[0].verdict in ("higher", "lower")
    assert wrong / trials < 0.05 + 3 * (0.05 * 0.95 / trials) ** 0.5


def test_the_verdict_heeds_what_is_wanted():
    assert [higher_is_better(name) for name in ("val_accuracy", "f1", "loss", "test/rmse", "error")] == [
        *(True, True, False, False, False)
    ]
    assert Answer("lower").said(higher_is_better=False) == "better"
    assert Answer("not comparable").said(higher_is_better=True) == "not comparable"
