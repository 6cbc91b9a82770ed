"""One error shape a dialect."""

import pytest

PROBLEM = {"type", "title", "status", "detail", "code", "request_id", "target"}
MLFLOW = {"error_code", "message"}
ARM = {"error"}


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("method", "url", "status", "shape"),
    [
        ("GET", "/api/jobs/none", 404, PROBLEM),
        ("GET", "/w/default/api/jobs/none", 404, PROBLEM),
        ("POST", "/api/online-endpoints", 400, PROBLEM),
        ("GET", "/api/nowhere", 404, PROBLEM - {"target"}),
        ("GET", "/api/2.0/mlflow/runs/get?run_id=none", 404, MLFLOW),
        ("GET", "/api/2.0/mlflow/runs/get", 400, MLFLOW),
        ("GET", "/api/2.0/mlflow/nowhere", 404, MLFLOW),
        ("GET", "/subscriptions/nowhere", 404, ARM),
    ],
)
def test_each_dialect_has_one_error_shape(alice, method, url, status, shape):
    answer = alice.request(method, url, json={} if method == "POST" else None)
    assert (answer.status_code, set(answer.json()) - {"details"}) == (status, shape)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_browser_gets_a_page_and_htmx_a_toast(browser):
    assert "<title>" in browser.get("/jobs/none").text
    toast = browser.get("/jobs/none", headers={"HX-Request": "true"})
    assert "<title>" not in toast.text and toast.status_code == 404
    assert toast.headers["HX-Retarget"] == "#toasts"
