"""Names of metrics are searched, grouped and paged by the database."""

import pytest

from tests.dialects.calls import call, new_run

NAMES = ["loss", "train/loss", "train/a/acc", "val/loss", "system/cpu", "a1_odd"]


@pytest.fixture
def runs(alice) -> str:
    """Two runs; only the second has the last name, and a second step, of `train/loss`."""
    made = [new_run(alice), new_run(alice)]
    for run, names in zip(made, (NAMES[:-1], NAMES), strict=True):
        metrics = [{"key": name, "value": 1, "timestamp": 1, "step": 0} for name in names]
        call(alice, "POST", "runs/log-batch", run_id=run, metrics=metrics)
    call(alice, "POST", "runs/log-metric", run_id=made[1], key="train/loss", value=2, timestamp=2, step=1)
    return ",".join(made)


def found(client, what: str, runs: str, status: int = 200, /, **query) -> dict:
    answer = client.get(f"/api/tracking/metric-{what}", params={"names": runs, **query})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_names_are_counted_by_what_is_before_their_slash(alice, runs):
    groups = found(alice, "groups", runs)["value"]
    assert groups == [{"group": "", "count": 2}, {"group": "train/", "count": 2}, {"group": "val/", "count": 1}]
    assert found(alice, "groups", runs, group="system/")["value"] == [{"group": "system/", "count": 1}]
    assert found(alice, "groups", runs, curved=True)["value"] == [{"group": "train/", "count": 1}]


def test_names_are_searched_and_paged(alice, runs):
    first = found(alice, "names", runs, size=3)
    assert (first["total"], first["next_page"]) == (5, 2)
    second = found(alice, "names", runs, size=3, page=2)
    assert sorted(first["value"] + second["value"]) == sorted(set(NAMES) - {"system/cpu"})
    assert found(alice, "names", runs, search="LOSS tr")["value"] == ["train/loss"]
    assert found(alice, "names", runs, search="_O")["value"] == ["a1_odd"]
    assert found(alice, "names", runs, search="%")["total"] == 0
    assert found(alice, "names", runs, group="")["value"] == ["a1_odd", "loss"]


def test_more_groups_than_anybody_reads_are_one(alice):
    run = new_run(alice)
    metrics = [{"key": f"layer{number}/norm", "value": 1, "timestamp": 1, "step": 0} for number in range(101)]
    call(alice, "POST", "runs/log-batch", run_id=run, metrics=metrics)
    assert found(alice, "groups", run)["value"] == [{"group": None, "count": 101}]


def test_names_are_of_runs_of_this_workspace(alice, stranger, runs):
    assert "1 to 50 runs" in found(alice, "names", "", 400)["detail"]
    assert stranger.get("/w/other/api/tracking/metric-names", params={"names": runs}).status_code == 404
