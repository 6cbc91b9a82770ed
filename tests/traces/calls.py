"""Short forms of what clients say about traces, for tests."""

import json

from starlette.testclient import TestClient

ROOT = "/api/3.0/mlflow/traces"
OTEL_ID = "0af7651916cd43dd8448eb211c80319c"
TRACE = f"tr-{OTEL_ID}"
SECOND = 1_000_000_000


def attributes(**values) -> list[dict]:
    kinds = {str: "stringValue", bool: "boolValue", int: "intValue", float: "doubleValue"}
    return [{"key": key.replace("__", "."), "value": {kinds[type(value)]: value}} for key, value in values.items()]


def span(number: int, parent: int | None = None, trace: str = OTEL_ID, **fields) -> dict:
    """A span of ten seconds that begins `number` seconds after the first."""
    start = (1_700_000_000 + number) * SECOND
    made = {
        "traceId": trace,
        "spanId": f"{number + 1:016x}",
        "name": f"span-{number}",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 10 * SECOND),
        "status": {"code": 1},
    }
    return made | ({"parentSpanId": f"{parent + 1:016x}"} if parent is not None else {}) | fields


def export(client: TestClient, *spans: dict, status: int = 200, experiment: str = "0", **headers: str):
    body = {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}
    headers = {"content-type": "application/json", "x-mlflow-experiment-id": experiment, **headers}
    answer = client.post("/v1/traces", content=json.dumps(body), headers=headers)
    assert answer.status_code == status, answer.text
    return answer


def call(client: TestClient, method: str, path: str, status: int = 200, /, **fields) -> dict:
    given = {"params": fields} if method == "GET" else {"json": fields}
    answer = client.request(method, ROOT + path, **given)
    assert answer.status_code == status, answer.text
    return answer.json()


def start(client: TestClient, trace: str = TRACE, status: int = 200, **fields) -> dict:
    """Describe a trace as MLflow's client does at its end."""
    info = {
        "trace_id": trace,
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}},
        "request_time": "2023-11-14T22:13:20.000Z",
        "execution_duration": "1.500s",
        "state": "OK",
    } | fields
    return call(client, "POST", "", status, trace={"trace_info": info})


def found(client: TestClient, filter: str = "", **fields) -> list[str]:
    """The ids of the traces that a search finds."""
    places = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}]
    answer = call(client, "POST", "/search", locations=places, filter=filter, **fields)
    return [trace["trace_id"] for trace in answer.get("traces", [])]
