"""Runs that differ only in a seed: one row with mean and spread, their curves, and whether one is better."""

import re

import pytest

from app.tracking.seeds import is_seed
from tests.tracking.test_table_pages import page, run


@pytest.mark.parametrize(
    "key", ["seed", "Random-Seed", "random_state", "RandomState", "trainer.seed", "rf__random_state"]
)
def test_seeds_are_known_by_their_names(key):
    assert is_seed(key)


@pytest.mark.parametrize("key", ["seeds_file", "seeding", "lr", "random", "state", "proceed"])
def test_other_names_are_no_seeds(key):
    assert not is_seed(key)


@pytest.fixture
def seeded(alice) -> None:
    """Two rates with five seeds each, the same seeds, and one run of a third rate."""
    for seed in range(5):
        noise = (seed * 7 % 5) / 10
        run(alice, f"a{seed}", params={"seed": seed, "lr": "0.1", "fold": seed}, metrics={"acc": [seed, seed + noise]})
        run(alice, f"b{seed}", params={"lr": "0.2", "seed": seed, "fold": seed}, metrics={"acc": [0, seed + 3]})
    run(alice, "c", params={"lr": "0.3", "seed": 1, "fold": 0}, metrics={"acc": [1]})


def rows(text: str) -> list[str]:
    found = text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip() for row in found.split("<tr>")[1:]]


def test_a_configuration_is_one_row(alice, seeded):
    text = page(alice, group="~seed", metric="acc", seeds="fold", filter="params.lr != '0.3'")
    found = rows(text)
    assert len(found) == 2 and "lr = 0.2 5 5 ± 1.5811" in " ".join(found) and "n = 5" in found[0]
    assert "over 5 seeds that both have" in text and "the paired bootstrap" in text
    assert ("Really better" in text) != ("Really worse" in text)
    # Without saying that the fold is a seed as well, each run stands alone.
    assert len(rows(page(alice, group="~seed", metric="acc"))) == 11


def test_one_run_is_said_not_to_be_comparable(alice, seeded):
    assert "needs two" in page(alice, group="~seed", metric="acc", seeds="fold")


def test_another_group_is_the_base_and_less_may_be_better(alice, seeded):
    text = page(alice, group="params.lr", metric="acc", base="=0.2", filter="params.lr != '0.3'")
    assert "than the base, 0.2" in text and "worse</span>" in text
    assert "better</span>" in page(alice, group="params.lr", metric="acc", base="=0.2", goal="lower")
    elsewhere = page(alice, group="params.lr", metric="acc", base="=0.2", size=1, page=3)
    assert "than the base, 0.2" in elsewhere and "not comparable" in elsewhere
    assert "base" in page(alice, "/jobs", 400, group="~seed", metric="acc", base="=x")


def test_a_script_is_told_which_group_is_better(alice, seeded):
    query = {"group": "~seed", "metric": "acc", "seeds": "fold", "filter": "params.lr != '0.3'"}
    told = alice.get("/api/jobs/compare/groups", params=query).json()
    base, other = told["value"]
    assert told["base"] == base["id"] and base["compared"] is None and told["total"] == 2
    assert other["compared"]["pairs"] == 5 and other["compared"]["verdict"] in ("better", "worse")
    turned = alice.get("/api/jobs/compare/groups", params=query | {"base": other["id"], "goal": "lower"}).json()
    assert turned["value"][0]["compared"]["verdict"] == other["compared"]["verdict"]
    refused = alice.get("/api/jobs/compare/groups?group=~seed")
    assert (refused.status_code, refused.json()["target"]) == (400, "metric")


def test_all_runs_of_a_configuration_are_shown_and_selected(alice, seeded):
    for number in range(20):
        run(alice, f"more{number}", params={"seed": number, "lr": "0.1", "fold": 0})
    base = {"group": "~seed", "seeds": "fold", "filter": "params.lr = '0.1'"}
    opened = page(
        alice, open=alice.get("/api/jobs/compare/groups", params=base | {"metric": "acc"}).json()["base"], **base
    )
    narrowed = re.search(r'href="\?([^"]+)">Show all 25<', opened)[1]
    assert 'data-total="25"' in page(alice, f"/jobs?{narrowed}&size=5&x=")
    done = alice.post("/api/bulk/tag", json={"query": narrowed.replace("filter=", "x="), "key": "k", "value": "v"})
    assert len(done.json()["names"]) == 25
    assert "configuration" in page(alice, "/jobs", 400, configuration="x")


def test_a_configuration_opens_to_its_runs(alice, seeded):
    address = re.search(r'open=(%3D[\d.]+)"', page(alice, group="~seed", seeds="fold", filter="params.lr = '0.2'"))[1]
    text = page(alice, group="~seed", seeds="fold", filter="params.lr = '0.2'", open=address.replace("%3D", "="))
    assert all(f">b{seed}</a>" in text for seed in range(5))


def test_curves_have_a_mean_and_a_band(alice, seeded):
    address = "/jobs/_bands?group=~seed&seeds=fold&metric=acc&filter=params.lr%3D'0.2'"
    [curve] = alice.get(address).json()["series"]
    assert curve["run"] == "lr = 0.2 (n = 5)"
    assert [point[:1] + point[2:] for point in curve["points"]] == [[0, 0, 0, 0], [1, 5, 3, 7]]
    [narrow] = alice.get(f"{address}&band=confidence").json()["series"]
    # scipy.stats.t.interval(0.95, 4, 5, scipy.stats.sem([3, 4, 5, 6, 7]))
    assert narrow["points"][1][3:] == pytest.approx([3.0367568, 6.9632432])
    assert alice.get(f"{address}&band=x").status_code == 400
