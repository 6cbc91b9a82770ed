"""Reads an MLflow server through its REST API."""

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from urllib.parse import urlparse

import httpx

from app.sdk.mlflow_stores import records
from app.sdk.mlflow_stores.artifacts import Artifacts, StoredFile, location_of
from app.sdk.mlflow_stores.http import Server, quoted
from app.sdk.mlflow_stores.records import Note, Point, Record, Unreadable

API, API3, AJAX = "/api/2.0/mlflow", "/api/3.0/mlflow", "/ajax-api/2.0/mlflow"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
PAGE = 200
# Servers before MLflow 3 lack the routes of logged models and of newer traces.
_NO_ROUTE = re.compile(r"answered: (404|405|501)|Not Found|ENDPOINT_NOT_FOUND|No API found")


class ServerStore:
    """`workspace` is one of MLflow's own. Raises Unreadable when no MLflow server answers."""

    def __init__(
        self, url: str, workspace: str, artifacts: Artifacts, note: Note, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.experiments: dict[str, Record] = {}
        self._server = Server(url, workspace, transport)
        self._artifacts = artifacts
        self._note = note
        self.identity = f"{self._server.url} {workspace}"
        self._server.post(f"{API}/experiments/search", max_results=1)

    def close(self) -> None:
        self._server.close()

    def counts(self) -> dict[str, int]:
        """A server tells no numbers."""
        return {}

    def all_experiments(self) -> Iterator[Record]:
        found = self._server.pages(
            "POST", f"{API}/experiments/search", "experiments", max_results=PAGE, view_type="ALL"
        )
        for experiment in found:
            yield {"tags": [], **{key: value for key, value in experiment.items() if key != "artifact_location"}}

    def runs(self) -> Iterator[Record]:
        for experiment_id in self.experiments:
            found = self._server.pages(
                "POST",
                f"{API}/runs/search",
                "runs",
                experiment_ids=[experiment_id],
                run_view_type="ALL",
                max_results=PAGE,
                order_by=["attributes.start_time ASC"],
            )
            for run in found:
                run["info"].setdefault("run_id", run["info"].get("run_uuid"))
                yield {"inputs": {}, "outputs": {}, **run, "data": {"tags": [], **_data(run)}}

    def points(self, run: Record) -> Iterator[tuple[str, list[Point]]]:
        run_id = run["info"]["run_id"]
        for metric in run["data"].get("metrics", ()):
            found = self._server.pages(
                "GET",
                f"{API}/metrics/get-history",
                "metrics",
                run_id=run_id,
                run_uuid=run_id,
                metric_key=metric["key"],
                max_results=records.POINTS // 2,
            )
            for some in records.batches(found, records.POINTS):
                yield metric["key"], [_point(one) for one in some]

    def logged_models(self) -> Iterator[Record]:
        for experiment_id in self.experiments:
            found = self._server.pages(
                "POST", f"{API}/logged-models/search", "models", experiment_ids=[experiment_id], max_results=50
            )
            for model in self._where_routed(found):
                yield {**model, "data": _data(model)}

    def _where_routed(self, found: Iterator[Record]) -> Iterator[Record]:
        """Nothing, from a server that is too old to have it."""
        try:
            yield from found
        except Unreadable as error:
            if not _NO_ROUTE.search(str(error)):
                raise

    def traces(self) -> Iterator[Record]:
        for experiment_id in self.experiments:
            for info in self._trace_infos(experiment_id):
                trace_id = info["trace_id"]
                yield {"trace_info": info, "spans": self._spans(trace_id), "runs": []}

    def _trace_infos(self, experiment_id: str) -> Iterator[Record]:
        place = records.trace_location(experiment_id)["trace_location"]
        search = self._server.pages("POST", f"{API3}/traces/search", "traces", locations=[place], max_results=PAGE)
        try:
            yield from search
        except Unreadable as error:
            if not _NO_ROUTE.search(str(error)):
                raise
            old = self._server.pages("GET", f"{API}/traces", "traces", experiment_ids=experiment_id, max_results=PAGE)
            for info in self._where_routed(old):
                yield _older_info(info)

    def _spans(self, trace_id: str) -> list[Record]:
        """As they are stored; or the file of a server that keeps them as one, which has a route of its own."""
        try:
            stored = self._server.get(f"{API3}/traces/get", trace_id=trace_id).get("trace", {}).get("spans")
        except Unreadable:
            stored = None
        if stored:
            return stored
        try:
            content = self._server.bytes_of(f"{AJAX}/get-trace-artifact", {"request_id": trace_id})
            return records.spans_of(b"".join(content))
        except Unreadable as error:
            self._note("trace", trace_id, f"its spans: {error}")
            return []

    def registered_models(self) -> Iterator[Record]:
        """Prompts, which are models with a tag, are listed apart."""
        for narrowed in ({}, {"filter": f"tags.`{records.PROMPT}` = 'true'"}):
            found = self._server.pages(
                "GET", f"{API}/registered-models/search", "registered_models", max_results=PAGE, **narrowed
            )
            for model in found:
                model.pop("latest_versions", None)
                yield {"tags": [], "aliases": [], **model}

    def model_versions(self, name: str) -> Iterator[Record]:
        quote = '"' if "'" in name else "'"
        seen = set()
        for narrowed in ("", f" AND tags.`{records.PROMPT}` = 'true'"):
            found = self._server.pages(
                "GET",
                f"{API}/model-versions/search",
                "model_versions",
                filter=f"name = {quote}{name}{quote}{narrowed}",
                max_results=PAGE,
            )
            for version in found:
                if version["version"] not in seen:
                    seen.add(version["version"])
                    known = {key: value for key, value in version.items() if value != ""}
                    yield {"tags": [], **known, "artifact_uri": self._download_uri(version)}

    def _download_uri(self, version: Record) -> str | None:
        if records.texts(version.get("tags")).get(records.PROMPT):
            return None
        asked = {"name": version["name"], "version": version["version"]}
        return self._server.get(f"{API}/model-versions/get-download-uri", **asked).get("artifact_uri")

    def files(self, record: Record) -> Iterator[StoredFile]:
        """By the proxy of the server, by its routes for runs and models, or from where they lie."""
        location = location_of(record)
        if not location:
            return
        if urlparse(location).scheme == "mlflow-artifacts":
            yield from self._proxied(urlparse(location).path.strip("/"), is_trace="trace_info" in record)
        elif "run_id" in record.get("info", {}):
            run_id = record["info"]["run_id"]
            listing = partial(self._listed, f"{API}/artifacts/list", "path", {"run_id": run_id, "run_uuid": run_id})
            yield from self._found(listing, "/get-artifact", "path", {"run_id": run_id, "run_uuid": run_id})
        elif "model_id" in record.get("info", {}):
            model = f"logged-models/{quoted(record['info']['model_id'])}/artifacts"
            listing = partial(self._listed, f"{API}/{model}/directories", "artifact_directory_path", {})
            yield from self._found(listing, f"{AJAX}/{model}/files", "artifact_file_path", {})
        else:
            yield from self._artifacts.files_of(record)

    def _proxied(self, root: str, *, is_trace: bool, folder: str = "") -> Iterator[StoredFile]:
        """Names in this list are relative to the folder that was asked for."""
        for one in self._server.get(PROXY, path=f"{root}/{folder}".rstrip("/")).get("files", ()):
            path = f"{folder}/{one['path']}".lstrip("/")
            if one.get("is_dir"):
                yield from self._proxied(root, is_trace=is_trace, folder=path)
            elif not (is_trace and path == records.SPANS_FILE):
                size = int(one.get("file_size") or 0)
                yield StoredFile(path, size, partial(self._server.bytes_of, f"{PROXY}/{quoted(f'{root}/{path}')}"))

    def _listed(self, route: str, name: str, params: dict[str, str], folder: str) -> list[Record]:
        return self._server.get(route, **params, **({name: folder} if folder else {})).get("files", [])

    def _found(self, listing, route: str, name: str, params: dict[str, str], folder: str = "") -> Iterator[StoredFile]:
        """Paths in these lists start at the run or model."""
        for one in listing(folder):
            if one.get("is_dir"):
                yield from self._found(listing, route, name, params, one["path"])
            else:
                content = partial(self._server.bytes_of, route, {**params, name: one["path"]})
                yield StoredFile(one["path"], int(one.get("file_size") or 0), content)

    def left_out(self) -> Iterator[tuple[str, str, str]]:
        """A server that cannot list them holds none: file stores have no evaluation datasets."""
        lists = (
            ("evaluation dataset", "POST", f"{API3}/datasets/search", "datasets"),
            ("webhook", "GET", f"{API}/webhooks", "webhooks"),
        )
        for kind, method, path, rows in lists:
            with suppress(Unreadable):
                for row in self._server.pages(method, path, rows):
                    yield kind, str(row["name"]), records.NO_PLACE


def _data(record: Record) -> Record:
    data = record.get("data", {})
    metrics = [one | {"value": records.number(float(one["value"]))} for one in data.get("metrics", ())]
    return {"params": [], **data, "metrics": metrics}


def _point(metric: Record) -> Point:
    return [records.number(float(metric["value"])), int(metric["timestamp"]), int(metric.get("step") or 0)]


def _older_info(info: Record) -> Record:
    took = info.get("execution_time_ms")
    return records.trace_info(
        info["request_id"],
        info["experiment_id"],
        started_ms=int(info["timestamp_ms"]),
        took_ms=None if took is None else int(took),
        state=info.get("status"),
        tags=records.texts(info.get("tags")),
        metadata=records.texts(info.get("request_metadata")),
    )
