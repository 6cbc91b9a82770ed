"""Saved views of the run table: private and shared, by REST and from the list."""

from urllib.parse import parse_qs, urlsplit

from tests.tracking.test_table_pages import page

QUERY = "columns=params.lr%2Cmetrics.loss&sort=-metrics.loss&experiment=Default"


def save(client, name: str = "Losses", **given) -> dict:
    answer = client.post("/api/views", json={"name": name, "query": QUERY, **given})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_view_is_its_makers_until_it_is_shared(alice, carol, bob, stranger):
    made = save(carol)
    assert made["query"] == QUERY and not made["shared"] and made["created_by"] == "carol"
    address = f"/api/views/{made['id']}"
    assert alice.get(address).status_code == 404 and "Losses" not in page(alice)
    assert carol.patch(address, json={"shared": True, "name": "All losses"}).json()["name"] == "All losses"
    assert [view["name"] for view in bob.get("/api/views").json()["value"]] == ["All losses"]
    assert bob.delete(address).status_code == 403 and stranger.get(f"/w/other{address}").status_code == 404
    own = save(alice, "mine", shared=True)
    refused = carol.patch(f"/api/views/{own['id']}", json={"name": "theirs"})
    assert refused.status_code == 403 and "alice" in refused.json()["detail"]
    assert alice.delete(address).status_code == 204 and carol.get(address).status_code == 404


def test_a_reader_keeps_views_and_shares_none(alice, bob):
    own = save(bob)
    address = f"/api/views/{own['id']}"
    assert bob.patch(address, json={"name": "Mine"}).status_code == 200 and alice.get(address).status_code == 404
    for refused in (bob.patch(address, json={"shared": True}), bob.post("/api/views", json=own | {"shared": True})):
        assert (refused.status_code, refused.json()["target"]) == (403, "shared")
    text = page(bob)
    assert "Save as a view" in text and 'name="shared"' not in text
    assert bob.delete(address).status_code == 204


def test_a_refused_view_says_so_in_its_dialog(alice):
    save(alice)
    form = {"name": "Losses", "query": QUERY}
    refused = alice.post("/jobs/views", data=form, headers={"HX-Request": "true"})
    assert refused.status_code == 409 and 'id="view-problem"' in refused.text and "already" in refused.text
    assert "HX-Retarget" not in refused.headers and alice.get("/api/views").json()["total"] == 1
    kept = alice.post("/jobs/views", data=form | {"name": "Other"}, headers={"HX-Request": "true"})
    assert "view=" in kept.headers["HX-Redirect"]
    other = kept.headers["HX-Redirect"].rpartition("=")[2]
    named = alice.post(f"/jobs/views/{other}/edit", data=form | {"query": "sort=name"}, headers={"HX-Request": "true"})
    assert named.status_code == 409 and alice.get(f"/api/views/{other}").json()["query"] == QUERY


def test_an_experiment_opens_with_its_view(alice):
    made = save(alice, shared=True, default_for=["Default"])
    assert made["default_for"] == ["Default"]
    answer = alice.get("/jobs?experiment=Default")
    assert answer.status_code == 303
    opened = parse_qs(urlsplit(answer.headers["location"]).query)
    assert opened["columns"] == ["params.lr,metrics.loss"] and opened["view"] == [str(made["id"])]
    assert "Losses" in page(alice, "/jobs", experiment="Default", view=made["id"])
    picked = {"HX-Request": "true", "HX-Current-URL": f"http://testserver/w/default/jobs?view={made['id']}&sort=name"}
    narrow = "/jobs?experiment=Default&size=50"
    assert alice.get(narrow, headers=picked).headers["HX-Redirect"] == answer.headers["location"]
    assert "HX-Redirect" not in alice.get(f"{narrow}&filter=metrics.loss+>+1", headers=picked).headers
    here = picked | {"HX-Current-URL": "http://testserver/w/default/jobs?experiment=Default"}
    assert "HX-Redirect" not in alice.get(narrow, headers=here).headers
    other = save(alice, "Other", shared=True, default_for=["Default"])
    assert alice.get(f"/api/views/{made['id']}").json()["default_for"] == []
    alice.delete(f"/api/views/{other['id']}")
    assert alice.get("/jobs?experiment=Default").status_code == 200


def test_what_no_view_can_be_is_refused_by_field(alice):
    save(alice)

    def refused(**given):
        answer = alice.post("/api/views", json={"name": "x", "query": "", **given})
        assert answer.status_code >= 400
        return answer.status_code, answer.json()["target"]

    assert refused(name="Losses") == (409, "name")
    assert refused(name=" ") == (400, "name")
    assert refused(query="colour=red") == (400, "query")
    assert refused(default_for=["Default"]) == (400, "shared")
    assert refused(default_for=["None"], shared=True) == (404, "default_for")


def test_a_view_is_kept_from_the_list(alice):
    form = {"name": "Mine", "query": f"{QUERY}&page=3&view=9"}
    answer = alice.post("/jobs/views", data=form)
    address = answer.headers["location"]
    view = parse_qs(urlsplit(address).query)["view"][0]
    assert answer.status_code == 303 and address == f"/w/default/jobs?{QUERY}&view={view}"
    assert "aria-current=" in page(alice, "/jobs", view=view)
    alice.post(f"/jobs/views/{view}/update", data={"query": "sort=name&experiment=Default"})
    edited = {"name": "Ours", "query": "sort=name&experiment=Default", "shared": "true", "opens": "true"}
    assert alice.post(f"/jobs/views/{view}/edit", data=edited).status_code == 303
    found = alice.get(f"/api/views/{view}").json()
    assert (found["name"], found["query"], found["default_for"]) == ("Ours", edited["query"], ["Default"])
    deleted = alice.post(f"/jobs/views/{view}/delete", data={"query": QUERY})
    assert deleted.headers["location"] == f"/w/default/jobs?{QUERY}"
