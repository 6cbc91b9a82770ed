"""Reads MLflow's database, of any schema version (tables: dbmodels/models.py in mlflow/store/*)."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, MetaData, Select, Table, create_engine, func, select, true
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from app.sdk.mlflow_stores import records, rows
from app.sdk.mlflow_stores.artifacts import Artifacts, StoredFile
from app.sdk.mlflow_stores.records import ADDRESSES, Note, Point, Record, Unreadable
from app.sdk.mlflow_stores.rows import Columns

PAGE, TRACE_PAGE = 200, 20
# More experiments than a statement should list are picked out after reading.
_LISTED = 500
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_NEEDED = ("experiments", "runs", "params", "tags", "metrics")
# What MLflow keeps beside runs, models and traces.
_ELSEWHERE = {
    "evaluation_datasets": ("evaluation dataset", "dataset_id"),
    "scorers": ("scorer", "scorer_name"),
    "webhooks": ("webhook", "webhook_id"),
    "issues": ("issue", "issue_id"),
    "label_schemas": ("label schema", "schema_id"),
}
Children = dict[str, list[Columns]]


class DatabaseStore:
    """`workspace` is one of MLflow's own, which its databases have since 3.10. Raises Unreadable."""

    def __init__(self, url: str, workspace: str, artifacts: Artifacts, note: Note) -> None:
        self.experiments: dict[str, Record] = {}
        self._note = note
        self._workspace = workspace
        self._artifacts = artifacts
        self._engine = _engine(url)
        self._shown = make_url(url).render_as_string(hide_password=True)
        self.identity = f"{self._shown} {workspace}"
        found = MetaData()
        with self._reading() as connection:
            found.reflect(connection)
        self._tables = found.tables
        if lacking := [name for name in _NEEDED if name not in self._tables]:
            raise Unreadable(f"{self._shown} is no database of MLflow: it has no table {', '.join(lacking)}.")

    def close(self) -> None:
        self._engine.dispose()

    def counts(self) -> dict[str, int]:
        kinds = {"run": "runs", "logged model": "logged_models", "trace": "trace_info"}
        with self._reading() as connection:
            return {
                kind: connection.scalar(select(func.count()).select_from(table).where(self._listed(table))) or 0
                for kind, name in kinds.items()
                if (table := self._tables.get(name)) is not None
            }

    def all_experiments(self) -> Iterator[Record]:
        table = self._tables["experiments"]
        for page in self._pages(table, "experiment_id", self._here(table), PAGE):
            tags = self._children("experiment_tags", "experiment_id", [row["experiment_id"] for row in page])
            for row in page:
                yield rows.experiment(row, tags[row["experiment_id"]])

    def _here(self, table: Table) -> ColumnElement[bool]:
        return table.c.workspace == self._workspace if "workspace" in table.c else true()

    def _listed(self, table: Table) -> ColumnElement[bool]:
        if len(self.experiments) > _LISTED:
            return true()
        return table.c.experiment_id.in_([int(one) for one in self.experiments])

    def _pages(self, table: Table, key: str, where: ColumnElement[bool], size: int) -> Iterator[list[Columns]]:
        """Rows in the order of a unique column, read from where the last page ended."""
        column = table.c[key]
        last = None
        while True:
            query = select(table).where(where).order_by(column).limit(size)
            page = self._read(query if last is None else query.where(column > last))
            if page:
                yield page
            if len(page) < size:
                return
            last = page[-1][key]

    def _read(self, query: Select) -> list[Columns]:
        with self._reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            said = " ".join(str(getattr(error, "orig", None) or error).split())
            raise Unreadable(f"{self._shown} cannot be read: {said}") from error

    def _of_experiments(self, name: str, key: str, size: int = PAGE) -> Iterator[list[Columns]]:
        table = self._tables.get(name)
        if table is not None:
            for page in self._pages(table, key, self._listed(table), size):
                yield [row for row in page if str(row["experiment_id"]) in self.experiments]

    def _children(self, name: str, key: str, ids: list, **narrowed: str) -> Children:
        """Rows of a table by the id of what they belong to."""
        found: Children = defaultdict(list)
        table = self._tables.get(name)
        if table is not None:
            query = select(table).where(table.c[key].in_(ids))
            for row in self._read(query.filter_by(**narrowed)):
                found[row[key]].append(row)
        return found

    def _each(
        self, kind: str, key: str, page: Iterable[Columns], make: Callable[[Columns], Record]
    ) -> Iterator[Record]:
        """What is broken is told and left out."""
        for row in page:
            try:
                made = make(row)
            except Unreadable as error:
                self._note(kind, str(row[key]), str(error))
            except (KeyError, TypeError, ValueError) as error:
                self._note(kind, str(row[key]), f"it is not as MLflow writes it ({error!r})")
            else:
                yield made

    def runs(self) -> Iterator[Record]:
        for page in self._of_experiments("runs", "run_uuid"):
            ids = [row["run_uuid"] for row in page]
            of_runs = [self._children(name, "run_uuid", ids) for name in ("params", "tags", "latest_metrics")]
            yield from self._each(
                "run", "run_uuid", page, partial(_run, *of_runs, self._inputs(ids), self._outputs(ids))
            )

    def _inputs(self, run_ids: list[str]) -> dict[str, Record]:
        made: dict[str, Record] = defaultdict(lambda: {"dataset_inputs": [], "model_inputs": []})
        of_runs = self._children("inputs", "destination_id", run_ids, source_type="DATASET", destination_type="RUN")
        every = [row for found in of_runs.values() for row in found]
        datasets = self._children("datasets", "dataset_uuid", [row["source_id"] for row in every])
        tags = self._children("input_tags", "input_uuid", [row["input_uuid"] for row in every])
        for row in every:
            for dataset in datasets[row["source_id"]]:
                read = {"tags": rows.pairs(tags[row["input_uuid"]], "name"), "dataset": rows.dataset(dataset)}
                made[row["destination_id"]]["dataset_inputs"].append(read)
        for run_id, found in self._children("inputs", "source_id", run_ids, source_type="RUN_INPUT").items():
            made[run_id]["model_inputs"] = [{"model_id": row["destination_id"]} for row in found]
        return made

    def _outputs(self, run_ids: list[str]) -> dict[str, list[Record]]:
        found = self._children("inputs", "source_id", run_ids, source_type="RUN_OUTPUT")
        return defaultdict(list) | {
            run_id: [{"model_id": row["destination_id"], "step": row.get("step", 0)} for row in of_run]
            for run_id, of_run in found.items()
        }

    def points(self, run: Record) -> Iterator[tuple[str, list[Point]]]:
        table = self._tables["metrics"]
        order = [table.c[name] for name in ("key", "timestamp", "step") if name in table.c]
        query = select(table).where(table.c.run_uuid == run["info"]["run_id"]).order_by(*order)
        with self._reading() as connection:
            read = connection.execution_options(yield_per=5_000).execute(query).mappings()
            for key, series in groupby(read, key=lambda row: row["key"]):
                for some in records.batches(series, records.POINTS):
                    yield key, [[rows.value_of(row), row["timestamp"], row.get("step") or 0] for row in some]

    def logged_models(self) -> Iterator[Record]:
        for page in self._of_experiments("logged_models", "model_id"):
            ids = [row["model_id"] for row in page]
            kinds = ("logged_model_tags", "logged_model_params", "logged_model_metrics")
            children = [self._children(name, "model_id", ids) for name in kinds]
            yield from self._each("logged model", "model_id", page, partial(_logged_model, children))

    def traces(self) -> Iterator[Record]:
        for page in self._of_experiments("trace_info", "request_id", TRACE_PAGE):
            ids = [row["request_id"] for row in page]
            tags, metadata = (
                self._children(name, "request_id", ids) for name in ("trace_tags", "trace_request_metadata")
            )
            judged = self._children("assessments", "trace_id", ids)
            runs = self._children("entity_associations", "source_id", ids, source_type="trace", destination_type="run")
            yield from self._each("trace", "request_id", page, partial(self._trace, tags, metadata, judged, runs))

    def _trace(self, tags: Children, metadata: Children, judged: Children, runs: Children, row: Columns) -> Record:
        trace_id = row["request_id"]
        assessments = [rows.assessment(one) for one in judged[trace_id]]
        info = rows.trace_info(row, tags[trace_id], metadata[trace_id], assessments)
        stored = self._children("spans", "trace_id", [trace_id])[trace_id]
        spans = [json.loads(span["content"]) for span in stored] or self._spans_file(info)
        return {"trace_info": info, "spans": spans, "runs": [one["destination_id"] for one in runs[trace_id]]}

    def _spans_file(self, info: Record) -> list[Record]:
        location = info["tags"].get(records.ARTIFACTS)
        try:
            files = self._artifacts.files(location) if location else iter(())
            file = next((one for one in files if one.path == records.SPANS_FILE), None)
            return records.spans_of(b"".join(file.chunks())) if file else []
        except (Unreadable, OSError) as error:
            self._note("trace", info["trace_id"], f"its spans: {error}")
            return []

    def registered_models(self) -> Iterator[Record]:
        table = self._tables.get("registered_models")
        if table is None:
            return
        for page in self._pages(table, "name", self._here(table), PAGE):
            names = [row["name"] for row in page]
            tags, aliases = (self._of_models(f"registered_model_{kind}", names) for kind in ("tags", "aliases"))
            for row in page:
                yield rows.registered_model(row, tags[row["name"]], aliases[row["name"]])

    def _of_models(self, table: str, names: list[str]) -> Children:
        here = {"workspace": self._workspace} if "workspace" in self._tables["registered_models"].c else {}
        return self._children(table, "name", names, **here)

    def model_versions(self, name: str) -> Iterator[Record]:
        table = self._tables["model_versions"]
        tags: Children = defaultdict(list)
        for row in self._of_models("model_version_tags", [name])[name]:
            tags[row["version"]].append(row)
        where = (table.c.name == name) & self._here(table) & table.c.current_stage.is_distinct_from("Deleted_Internal")
        for page in self._pages(table, "version", where, PAGE):
            for row in page:
                yield rows.model_version(row, tags[row["version"]])

    def files(self, record: Record) -> Iterator[StoredFile]:
        return self._artifacts.files_of(record)

    def left_out(self) -> Iterator[tuple[str, str, str]]:
        for name, (kind, key) in _ELSEWHERE.items():
            table = self._tables.get(name)
            if table is not None and key in table.c:
                for row in self._read(select(table.c[key]).where(self._here(table)).distinct().order_by(table.c[key])):
                    yield kind, str(row[key]), records.NO_PLACE
        table = self._tables["experiments"]
        if "workspace" in table.c:
            others = select(table.c.workspace, func.count().label("many")).where(~self._here(table))
            for row in self._read(others.group_by(table.c.workspace)):
                why = f"its experiments ({row['many']}) come with --from-workspace {row['workspace']}"
                yield "MLflow workspace", row["workspace"], why


def _run(
    params: Children, tags: Children, latest: Children, inputs: dict[str, Record], outputs: dict, row: Columns
) -> Record:
    run_id = row["run_uuid"]
    return {
        "info": rows.run_info(row),
        "data": {
            "params": rows.pairs(params[run_id]),
            "tags": rows.pairs(tags[run_id]),
            "metrics": [rows.metric(one) for one in latest[run_id]],
        },
        "inputs": inputs[run_id],
        "outputs": {"model_outputs": outputs[run_id]},
    }


def _logged_model(children: list[Children], row: Columns) -> Record:
    return rows.logged_model(row, *(of_models[row["model_id"]] for of_models in children))


def _engine(url: str) -> Engine:
    """One that only reads."""
    try:
        parsed = make_url(url)
        parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, execution_options={"postgresql_readonly": True})
        file = Path(parsed.database or "")
        if not file.is_file():
            raise Unreadable(f"There is no file {file}.")
        read_only = parsed.set(database=f"file:{file.resolve().as_posix()}", query={"mode": "ro", "uri": "true"})
        return create_engine(read_only)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        scheme = url.partition(":")[0]
        raise Unreadable(f"A store at {scheme}: cannot be opened ({error}): {ADDRESSES}.") from error
