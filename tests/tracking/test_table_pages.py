"""The list of jobs as a table of runs, and the comparison of some."""

import csv
import io
from html import unescape
from urllib.parse import urlencode

import pytest

from tests.dialects.calls import call, log, new_run


def run(client, name: str, *, params: dict | None = None, tags: dict | None = None, metrics: dict | None = None) -> str:
    made = new_run(client, run_name=name)
    for key, value in (params or {}).items():
        call(client, "POST", "runs/log-parameter", run_id=made, key=key, value=value)
    for key, value in (tags or {}).items():
        call(client, "POST", "runs/set-tag", run_id=made, key=key, value=value)
    for key, values in (metrics or {}).items():
        for step, value in enumerate(values):
            log(client, made, key, value, step=step, timestamp=1 + step)
    return made


@pytest.fixture
def three(alice) -> list[str]:
    """Three runs that share an optimizer and differ in rate and loss; the last has a team."""
    return [
        run(alice, "one", params={"lr": "0.1", "opt": "adam"}, metrics={"loss": [3, 1, 2]}),
        run(alice, "two", params={"lr": "0.01", "opt": "adam"}, metrics={"loss": [5, 4]}),
        run(alice, "three", params={"lr": "0.1", "opt": "adam"}, metrics={"loss": [9]}, tags={"team": "it's"}),
    ]


def page(client, path: str = "/jobs", status: int = 200, /, **query) -> str:
    answer = client.get(f"{path}?{urlencode(query, doseq=True)}")
    assert answer.status_code == status, answer.text
    return unescape(answer.text)


def heads(text: str) -> list[str]:
    """The sort keys of the table's columns."""
    return [
        part.split('"')[0].split("&")[0]
        for part in text.partition("<thead>")[2].partition("</thead>")[0].split("sort=")[1:]
    ]


def order(text: str) -> list[str]:
    places = {name: text.find(f">{name}</a>") for name in ("one", "two", "three")}
    return sorted((name for name, place in places.items() if place >= 0), key=places.__getitem__)


def test_what_tells_the_rows_apart_is_shown_and_what_they_share_is_not(alice, three):
    shown = heads(page(alice))
    assert "params.lr" in shown and "metrics.loss" in shown and "params.opt" not in shown


def test_columns_are_chosen_by_the_address(alice, three):
    text = page(alice, columns="params.opt,max:metrics.loss,min:metrics.loss,tags.team")
    assert heads(text) == ["name", "params.opt", "tags.team"] and "min loss" in text and "max loss" in text
    row = text.partition(">one</a>")[2].partition("</tr>")[0]
    assert 'title="3.0"' in row and 'title="1.0"' in row and "adam" in row


@pytest.mark.parametrize(
    "query",
    [{"columns": "colour"}, {"columns": "min:params.lr"}, {"sort": "min:metrics.loss"}, {"group": "metrics.loss"}],
)
def test_what_is_no_column_is_refused_by_name(alice, query):
    [(field, value)] = query.items()
    text = page(alice, "/jobs", 400, **query)
    assert value in text and field in text


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("metrics.loss", ["one", "two", "three"]),
        ("-metrics.loss", ["three", "two", "one"]),
        ("tags.team", ["three", "two", "one"]),
        ("name", ["one", "three", "two"]),
    ],
)
def test_rows_are_sorted_by_any_column_and_those_without_come_last(alice, three, sort, names):
    assert order(page(alice, sort=sort)) == names


@pytest.mark.parametrize("sort", ["duration", "-duration", "created_by", "-params.lr", "experiment"])
def test_every_other_column_sorts_too(alice, three, sort):
    assert len(order(page(alice, sort=sort))) == 3


@pytest.mark.parametrize(
    ("filter", "names"),
    [
        ("metrics.loss > 1 and params.lr = '0.1'", {"one", "three"}),
        ("params.lr LIKE '0.0%'", {"two"}),
        ("tags.team IS NULL", {"one", "two"}),
        ("attributes.run_name = 'two'", {"two"}),
    ],
)
def test_the_filter_is_that_of_mlflow(alice, three, filter, names):
    assert set(order(page(alice, filter=filter))) == names


@pytest.mark.parametrize(
    ("filter", "place", "word"),
    [
        ("metrics.loss > 1 or x", 18, "or"),
        ("metrics.loss > 'a b'", 16, "'a b'"),
        ("params.lr = 'x' AND params.`my lr` = 0.1", 38, "0.1"),
        ("attributes.colour = 'x'", 12, "colour"),
        ("attributes.run_id IN ('a', 2)", 28, "2)"),
        ("params.lr > '1'", 11, ">"),
        ("params.a = 'b' and speed.x = 1", 20, "speed.x"),
        ("params.lr", 10, "⌴"),
    ],
)
def test_a_wrong_filter_points_at_the_character(alice, filter, place, word):
    text = page(alice, "/jobs", 400, filter=filter)
    assert f"at character {place}" in text and f"<mark>{word}</mark>" in text
    assert 'name="filter" value="' + filter in text


def test_groups_have_count_mean_and_deviation(alice, three):
    text = page(alice, group="params.lr", metric="loss")
    first = text.partition("<tbody>")[2].partition("</tr>")[0]
    assert ">0.1</span></a>" in first and 'title="5.5"' in first and "± 4.9497" in first and "n = 2" in first
    assert "not comparable" in text and order(text) == []


def test_a_group_is_opened_by_the_address(alice, three):
    text = page(alice, group="params.lr", open="=0.1")
    assert set(order(text)) == {"one", "three"}
    assert set(order(page(alice, group="tags.team", open=["-", "=it's"]))) == {"one", "two", "three"}
    assert set(order(page(alice, group="experiment", open="=Default"))) == {"one", "two", "three"}


def test_groups_that_differ_are_said_to(alice):
    for index in range(4):
        run(alice, f"a{index}", params={"opt": "sgd"}, metrics={"acc": [0.7 + index / 100]})
        run(alice, f"b{index}", params={"opt": "adam"}, metrics={"acc": [0.9 + index / 100]})
    text = page(alice, group="params.opt", metric="acc")
    assert "worse</span>" in text or "better</span>" in text
    assert "large effect" in text


def test_a_file_has_all_that_matches(alice, three):
    answer = alice.get(
        "/jobs/table.csv?columns=params.lr,metrics.loss,status&filter=params.lr+%3D+'0.1'&sort=metrics.loss&size=1"
    )
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert answer.headers["content-disposition"].startswith("attachment")
    assert rows[0] == ["name", "display_name", "params.lr", "metrics.loss", "status"]
    assert rows[1:] == [[three[0], "one", "0.1", "2.0", "Running"], [three[2], "three", "0.1", "9.0", "Running"]]


def test_a_star_is_a_tag_that_comes_and_goes(alice, bob, three):
    alice.post("/jobs/star", data={"only": three[0], "back": "sort=name"})
    assert order(page(alice, tag="starred")) == ["one"]
    alice.post("/jobs/star", data={"only": three[0]})
    assert order(page(alice, tag="starred")) == []
    alice.post("/jobs/star", data={"names": three[:2]})
    assert set(order(page(alice, tag="starred"))) == {"one", "two"}
    assert bob.post("/jobs/star", data={"only": three[0]}).status_code == 403


def test_columns_to_choose_from_are_found_by_name(alice, three):
    text = page(alice, "/jobs/_columns", find="lo")
    assert 'value="metrics.loss" checked' in text and 'value="min:metrics.loss"' not in text
    assert 'value="params.opt"' in page(alice, "/jobs/_columns", find="op") and "<html" not in text


def test_names_are_completed_within_the_workspace(alice, stranger, three):
    assert alice.get("/api/tracking/names?text=metrics.l").json()["value"] == ["metrics.loss"]
    assert "attributes.status" in alice.get("/api/tracking/names?text=attributes.st").json()["value"]
    assert stranger.get("/w/other/api/tracking/names?text=metrics.").json()["value"] == []


def test_values_are_completed_within_the_workspace(alice, stranger, three):
    def values(client, **query):
        return client.get(f"/api/tracking/values?{urlencode(query)}").json()["value"]

    assert values(alice, key="params.lr") == ["0.01", "0.1"] and values(alice, key="params.lr", text="01") == ["0.01"]
    assert values(alice, key="tags.team") == ["it's"]
    assert stranger.get("/w/other/api/tracking/values?key=params.lr").json()["value"] == []
    assert alice.get("/api/tracking/values?key=metrics.loss").json()["target"] == "key"


def test_a_comparison_begins_with_what_differs(alice, three):
    text = page(alice, "/jobs/compare", names=",".join(three))
    assert ">lr</th>" in text and ">opt</th>" not in text and "1 more are the same" in text
    assert ">opt</th>" in page(alice, "/jobs/compare", names=",".join(three), all="true")
    assert "+2" in text
    assert "<metric-board" in page(alice, "/jobs/compare/charts", names=",".join(three))
    plots = page(alice, "/jobs/compare/plots", names=",".join(three))
    assert "<scatter-plot" in plots and 'axes="params.lr,metrics.loss"' in plots


def test_another_run_is_the_base(alice, three):
    assert "−2" in page(alice, "/jobs/compare", names=",".join(three), base=three[1])
    assert "base" in page(alice, "/jobs/compare", 400, names=",".join(three), base="nobody")


def test_comparisons_that_make_no_sense_are_refused(alice, stranger, three):
    assert "2 to 50 runs" in page(alice, "/jobs/compare", 400, names=three[0])
    assert "no_such" in page(alice, "/jobs/compare", 404, names=f"{three[0]},no_such")
    assert "2 to 50" in page(alice, "/jobs/compare", 400, names=",".join(f"r{i}" for i in range(51)))
    assert "metrics.speed" in page(alice, "/jobs/compare/plots", 400, names=",".join(three), x="metrics.speed")
    assert stranger.get(f"/w/other/jobs/compare?names={','.join(three)}").status_code == 404


def test_curves_of_many_runs_grow(alice, three):
    address = f"/api/jobs/compare/history?key=loss&names={','.join(three)}"
    whole = alice.get(address).json()
    assert [series["run"] for series in whole["series"]] == ["one", "two", "three"] and not whole["final"]
    assert whole["series"][0]["points"] == [[0, 1, 3.0], [1, 2, 1.0], [2, 3, 2.0]]
    log(alice, three[1], "loss", 7, step=5, timestamp=9)
    more = alice.get(f"{address}&after={whole['next']}").json()
    assert [series["points"] for series in more["series"]] == [[], [[5, 9, 7.0]], []]
    assert alice.get(f"{address}&after=1.x").status_code == 400
    assert alice.get(address.replace("key=loss&", "")).status_code == 400


def test_values_for_plots_are_numbers_where_they_read_as_such(alice, three):
    found = alice.get(f"/api/jobs/compare/values?names={','.join(three)}").json()
    assert found["runs"][0]["values"] == {"params.lr": 0.1, "params.opt": "adam", "metrics.loss": 2.0}
    assert {"id": "tags.team", "label": "team"} in found["columns"]


def test_pinned_runs_stay_on_top_on_the_first_page_only(alice, three):
    alice.post("/jobs/pin", data={"only": three[1]})
    assert order(page(alice, sort="metrics.loss")) == ["two", "one", "three"]
    assert order(page(alice, sort="-metrics.loss")) == ["two", "three", "one"]
    pages = [order(page(alice, sort="name", size=1, page=number)) for number in (1, 2, 3)]
    assert pages == [["two"], ["one"], ["three"]]
    alice.post("/jobs/pin", data={"only": three[1]})
    assert order(page(alice, sort="metrics.loss")) == ["one", "two", "three"]


def test_only_the_columns_that_differ(alice, three):
    shown = heads(page(alice, differ="true"))
    assert "params.lr" in shown and "experiment" not in shown and "created_by" not in shown
    chosen = heads(page(alice, differ="true", columns="params.opt,params.lr,tags.team"))
    assert chosen == ["name", "params.lr", "tags.team"]
