"""The pages of alerts: make one for a run, test it, read what was sent, mute and delete it."""

import pytest

from tests.dialects.calls import new_run

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def test_an_alert_from_the_page_of_a_run_to_the_list_of_deliveries(browser, receiver, work):
    assert "No alerts yet" in browser.get("/alerts").text
    run = new_run(browser, run_name="tuning")
    assert f"/alerts/new?on=ended&amp;run={run}" in browser.get(f"/jobs/{run}").text
    form = browser.get(f"/alerts/new?on=ended&run={run}").text
    assert 'value="tuning ends"' in form and f'value="{run}"' in form
    filled = {"name": "tuning ends", "on": "ended", "run": run, "webhook_url": receiver.url, "count": "1"}
    wrong = browser.post("/alerts/new", data=filled | {"run": "none"})
    assert wrong.status_code == 400 and "there is no run" in wrong.text and receiver.url in wrong.text
    assert browser.post("/alerts/new", data=filled).status_code == 303
    assert "ends, however it does" in browser.get("/alerts").text
    to = browser.post("/alerts/1/test").headers["location"]
    assert "every 3s" in browser.get(to).text and "Pending" in browser.get(to).text
    work()
    shown = browser.get(to).text
    assert "Delivered" in shown and "thanks" in shown and "every 3s" not in shown


def test_an_alert_is_changed_muted_and_deleted(browser, bob, receiver):
    filled = {"name": "diverges", "on": "metric", "metric": "loss", "threshold": "10", "webhook_url": receiver.url}
    browser.post("/alerts/new", data=filled | {"webhook_secret": "s3cret"})
    wrong = browser.post("/alerts/1/edit", data=filled | {"threshold": "ten"})
    assert wrong.status_code == 400 and "&#39;ten&#39; is no number" in wrong.text
    assert (
        browser.post("/alerts/1/edit", data=filled | {"threshold": "20", "emails": "a@b.de, c@d.de"}).status_code == 303
    )
    rule = browser.get("/api/alerts/1").json()
    assert (rule["threshold"], rule["emails"], rule["signed"]) == (20, ["a@b.de", "c@d.de"], True)
    browser.post("/alerts/1/mute", data={"muted": "true"})
    seen = bob.get("/alerts").text
    assert "Muted" in seen and "loss &gt; 20" in seen and receiver.url not in seen and "/alerts/new" not in seen
    browser.post("/alerts/1/delete")
    assert "No alerts yet" in browser.get("/alerts").text


def test_a_webhook_is_made_tested_disabled_and_deleted_on_its_pages(browser, bob, receiver, work):
    assert "No webhooks yet" in browser.get("/alerts/webhooks").text
    filled = {"name": "deploy", "url": receiver.url, "secret": "s3cret"}
    wrong = browser.post("/alerts/webhooks/new", data=filled)
    assert wrong.status_code == 400 and "Choose at least one" in wrong.text and receiver.url in wrong.text
    kinds = ["model_version.created", "prompt.created"]
    assert browser.post("/alerts/webhooks/new", data=filled | {"kinds": kinds}).status_code == 303
    seen = bob.get("/alerts/webhooks").text
    assert "model_version.created" in seen and receiver.url not in seen and "/edit" not in seen
    (made,) = browser.get("/api/2.0/mlflow/webhooks").json()["webhooks"]
    here = f"/alerts/webhooks/{made['webhook_id']}"
    deliveries = browser.post(f"{here}/test").headers["location"]
    work()
    assert "Delivered" in browser.get(deliveries).text
    changed = filled | {"name": "ship", "secret": "", "kinds": kinds[1:]}
    assert browser.post(f"{here}/edit", data=changed | {"url": "ftp://x"}).status_code == 400
    assert browser.post(f"{here}/edit", data=changed).status_code == 303
    browser.post(f"{here}/status", data={"active": "false"})
    shown = browser.get("/alerts/webhooks").text
    assert "Disabled" in shown and "signed" in shown and "model_version.created" not in shown and "ship" in shown
    browser.post(f"{here}/delete")
    assert "No webhooks yet" in browser.get("/alerts/webhooks").text
