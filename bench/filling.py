"""Fills a registry with runs directly, where logging each over HTTP would take longer than all that is measured."""

import random
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

METRICS = 10


def fill(database: Path, runs: int) -> int:
    """Add an experiment of `runs` finished runs, each with ten metrics, two parameters and a tag; its id."""
    chance = random.Random(1)
    begun = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=30)
    connection = sqlite3.connect(database, timeout=60)
    with connection:
        workspace = connection.execute("SELECT id FROM workspaces WHERE name = 'default'").fetchone()[0]
        experiment = connection.execute("SELECT max(id) + 1 FROM experiments").fetchone()[0]
        _insert(
            connection,
            "experiments",
            [
                {
                    "id": experiment,
                    "workspace_id": workspace,
                    "name": f"many-{experiment}",
                    "created_at": str(begun),
                    "updated_at": str(begun),
                }
            ],
        )
        first = (connection.execute("SELECT max(id) FROM jobs").fetchone()[0] or 0) + 1
        ids = range(first, first + runs)
        _insert(connection, "jobs", [_job(id, workspace, experiment, begun) for id in ids])
        for key in ("p", "q"):
            rows = [{"job_id": id, "key": key, "value": str(chance.randrange(10))} for id in ids]
            _insert(connection, "params", rows)
        _insert(connection, "job_tags", [{"job_id": id, "key": "mlflow.user", "value": "bench"} for id in ids])
        for number in range(METRICS):
            rows = [
                {"job_id": id, "key": f"m{number}", "value": chance.random(), "step": 9, "timestamp": 1_700_000_000_000}
                for id in ids
            ]
            _insert(connection, "latest_metrics", rows)
    connection.close()
    return experiment


def _job(id: int, workspace: int, experiment: int, begun: datetime) -> dict:
    at = str(begun + timedelta(seconds=id))
    return {
        "id": id,
        "workspace_id": workspace,
        "experiment_id": experiment,
        "name": f"bench{id:027d}",
        "display_name": f"run-{id}",
        "type": "run",
        "status": "Completed",
        "created_by": "admin",
        "created_at": at,
        "started_at": at,
        "ended_at": at,
    }


def _insert(connection: sqlite3.Connection, table: str, rows: list[dict]) -> None:
    """Columns that a row leaves out get what an empty one of their type is."""
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    empty = {"VARCHAR": "", "BOOLEAN": 0, "INTEGER": 0, "JSON": "{}", "TEXT": "", "FLOAT": 0}
    special = {"lifecycle_stage": "active", "warnings": "[]"}
    needed = {
        name: special.get(name, empty.get(kind.partition("(")[0], ""))
        for _, name, kind, not_null, default, _ in columns
        if not_null and default is None
    }
    names = list({**needed, **rows[0]})
    statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})"
    connection.executemany(statement, [[(needed | row)[name] for name in names] for row in rows])
