"""What the guest of a parallel step is told: `guest/parallel.py` and its configuration."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path

LEADER = Path(__file__).resolve().parent / "guest" / "parallel.py"
# What the leader writes for the worker, and the journals of earlier attempts that it reads, in the guest's folder.
JOURNAL, PROGRESS, EARLIER = "parallel.journal", "parallel.progress", "earlier"
# As Azure ML calls the file in a folder.
ROWS_FILE = "parallel_run_step.txt"


@dataclass(frozen=True)
class Part:
    """Which of how many instances it is; `key` is what those of one attempt know each other by."""

    rank: int = 0
    instances: int = 1
    key: str = ""


def command_of(
    asked: dict,
    input_types: Mapping[str, str],
    folder: Path,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    part: Part = Part(),
) -> str:
    """The start of the command, before the arguments of the entry script; writes its configuration into `folder`.

    `asked` is the `parallel` of the normalised job file, `inputs` and `outputs` are the local paths of the ports.
    """
    port = asked["input"]
    model = asked.get("model")
    config = {
        "entry": str(LEADER.parent / "score_model.py") if asked.get("scores_model") else asked["entry_script"],
        "environment": _environment(inputs[model], outputs) if model else {},
        "input": inputs[port],
        "tabular": input_types.get(port) == "mltable" or "bytes" in (asked["size"] or {}),
        "scores_model": bool(asked.get("scores_model")),
        "size": asked["size"],
        "partition_keys": asked["partition_keys"],
        "concurrency": ceil(asked["concurrency"] / part.instances),
        **asdict(part),
        "error_threshold": asked["error_threshold"],
        "mini_batch_error_threshold": asked["mini_batch_error_threshold"],
        "max_retries": asked["max_retries"],
        "timeout_seconds": asked["timeout_seconds"],
        "append_to": _rows(asked["append_row_to"], asked.get("append_row_file_name") or ROWS_FILE, outputs),
        "folders": [path if Path(path).is_dir() else str(Path(path).parent) for path in outputs.values()],
        "journal": str(folder / JOURNAL),
        "earlier": str(folder / EARLIER),
        "progress": str(folder / PROGRESS),
    }
    path = folder / "parallel.json"
    path.write_text(json.dumps(config))
    return f"python {LEADER} {path}"


def _environment(model: str, outputs: Mapping[str, str]) -> dict[str, str]:
    """`AZUREML_MODEL_DIR` is a folder, also of a model that is one file; scripts write into the first output folder."""
    place = Path(model)
    folder = next((path for path in outputs.values() if Path(path).is_dir()), None)
    written = {"AZUREML_BI_OUTPUT_PATH": folder} if folder else {}
    return {"AZUREML_MODEL_DIR": str(place if place.is_dir() else place.parent), **written}


def _rows(port: str | None, name: str, outputs: Mapping[str, str]) -> str | None:
    if port is None:
        return None
    place = Path(outputs[port])
    return str(place / name if place.is_dir() else place)
