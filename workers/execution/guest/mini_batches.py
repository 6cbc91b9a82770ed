"""Cuts the input of a parallel step into mini-batches: lists of paths, or tables of rows.

Standard library alone, under the interpreter of any environment; pandas only for rows.
"""

import glob
import hashlib
import io
import os

import pieces


def tasks_of(config):
    if config["scores_model"]:
        batches = pieces.mini_batches(table_files(config["input"]), (config["size"] or {}).get("files", 10))
    elif config["tabular"]:
        batches = tables_of(config)
    else:
        files = files_of(config["input"])
        size = (config["size"] or {}).get("files", 10)
        parts = (files[at : at + size] for at in range(0, len(files), size))
        batches = ({"files": part, "count": len(part)} for part in parts)
    for index, task in enumerate(batches):
        yield {"index": index, **task}


def total_of(config):
    """How much there is, as far as it is known before the input is read; `unit` is what an item is."""
    if config["scores_model"]:
        files = table_files(config["input"])
        return {"unit": "rows", "items": None, "bytes": sum(os.path.getsize(path) for path in files)}
    if config["tabular"]:
        return {"unit": "rows", "items": None}
    return {"unit": "files", "items": len(files_of(config["input"]))}


def fingerprint(config):
    """Of the input and how it is cut, by names and sizes."""
    found = hashlib.sha256(repr((config["size"], config["partition_keys"], config["scores_model"])).encode())
    for path in table_files(config["input"]) if config["tabular"] else files_of(config["input"]):
        found.update(f"{os.path.relpath(path, config['input'])}\0{os.path.getsize(path)}\0".encode())
    return found.hexdigest()


def files_of(path):
    if os.path.isfile(path):
        return [path]
    found = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    return sorted(found)


def tables_of(config):
    """Rows of delimited, JSON-lines and Parquet files, so many that they have the asked size, or one a partition."""
    import pandas

    frames = (read_table(path) for path in table_files(config["input"]))
    if config["partition_keys"]:
        whole = pandas.concat(list(frames), ignore_index=True)
        for key, part in whole.groupby(config["partition_keys"], sort=True):
            named = dict(zip(config["partition_keys"], [str(value) for value in key], strict=False))
            yield table_task(part, partition=named)
        return
    wanted = (config["size"] or {}).get("bytes", 1 << 20)
    for frame in frames:
        each = max(1, frame.memory_usage(deep=True).sum() / max(1, len(frame)))
        rows = (config["size"] or {}).get("files") or max(1, int(wanted / each))
        for at in range(0, len(frame), rows):
            yield table_task(frame.iloc[at : at + rows])


def table_task(frame, **more):
    rows = frame.reset_index(drop=True)
    return {"rows": rows.to_json(orient="table", index=False), "count": len(rows), **more}


def table_files(path):
    """The files of an MLTable, or the path itself."""
    described = os.path.join(path, "MLTable")
    if not os.path.isfile(described):
        return files_of(path)
    import yaml

    with open(described) as file:
        named = (yaml.safe_load(file) or {}).get("paths", [])
    found = []
    for entry in named:
        pattern = next(iter(entry.values())).replace("file://", "")
        base = os.path.normpath(os.path.join(path, pattern))
        if any(mark in pattern for mark in "*?["):
            found += sorted(glob.glob(base, recursive=True))
        else:
            found += files_of(base)
    return found


def read_table(path):
    import pandas

    name = path.lower()
    if name.endswith((".parquet", ".pq")):
        return pandas.read_parquet(path)
    if name.endswith((".json", ".jsonl")):
        return pandas.read_json(path, lines=True)
    return pandas.read_csv(path, sep="\t" if name.endswith(".tsv") else ",")


def batch_of(task):
    """Paths, pieces of tables, or a table of rows."""
    if "files" in task or "pieces" in task:
        return task.get("files") or task["pieces"]
    import pandas

    return pandas.read_json(io.StringIO(task["rows"]), orient="table")
