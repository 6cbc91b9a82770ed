"""What the runs of a `parallel_for` leave, as one table for each output of their body.

Source: `OUT_TYPE_MAPPING` of `ParallelFor` in azure-ai-ml: data of every type becomes an `mltable`.
"""

import hashlib
from collections.abc import Mapping

import yaml

from app.jobs.lifecycle import Status
from app.jobs.places import folder_key, written_by
from app.jobs.tables import Job
from app.kit.storage import store
from app.pipelines.queries import Started


def collect(pipeline: Job, jobs: Mapping[str, Started]) -> None:
    """Each output becomes a folder with what each run left, below the run's name, and an `MLTable` that lists them.

    A store that can gives the files a second key and moves no bytes.
    """
    ended = {name: job for name, job in jobs.items() if job.status is Status.COMPLETED}
    outputs = {}
    for port, output in pipeline.outputs.items():
        target = f"{folder_key(pipeline.workspace_id, pipeline.name)}/outputs/{port}"
        store().delete(target)
        paths = [path for name, job in ended.items() if (path := _copy(pipeline, name, job, port, target))]
        if paths:
            table = {"type": "mltable", "paths": paths}
            store().write_bytes(f"{target}/MLTable", yaml.safe_dump(table, sort_keys=False).encode())
        outputs[port] = {**output, **_digest(ended, port)}
    pipeline.outputs = outputs


def _copy(pipeline: Job, name: str, job: Started, port: str, target: str) -> dict[str, str] | None:
    """The entry of a run in the table; None where it left nothing."""
    written = written_by(job.name, job.outputs, port)
    source = f"{folder_key(pipeline.workspace_id, written['job'])}/outputs/{written['output']}"
    files = [entry.path for entry in store().walk(source)]
    for file in files:
        store().copy_file(f"{source}/{file}", f"{target}/{name}/{file}")
    if not files:
        return None
    is_file = job.outputs.get(port, {}).get("type") == "uri_file" and len(files) == 1
    return {"file": f"./{name}/{files[0]}"} if is_file else {"folder": f"./{name}"}


def _digest(jobs: Mapping[str, Started], port: str) -> dict[str, str]:
    """Of the content, made of that of each run, by which a step that reads the table is known again."""
    parts = {name: job.outputs.get(port, {}).get("digest") for name, job in jobs.items()}
    if None in parts.values():
        return {}
    lines = sorted(f"{name}\0{digest}\n" for name, digest in parts.items())
    return {"digest": hashlib.sha256("".join(lines).encode()).hexdigest()}
