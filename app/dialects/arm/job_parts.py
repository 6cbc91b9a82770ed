"""The parts that jobs and the nodes of pipelines have in common on Azure's wire."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from app.dialects.arm import asset_ids
from app.dialects.arm.wire import fields, mapping, said, snake

FindCode = Callable[[str], str]
"""The address of the files of a code asset, by its resource id."""

MODES = {
    "ReadOnlyMount": "ro_mount",
    "ReadWriteMount": "rw_mount",
    "Download": "download",
    "Upload": "upload",
    "Direct": "direct",
    "EvalMount": "eval_mount",
    "EvalDownload": "eval_download",
}
TO_WIRE = {name: word for word, name in MODES.items()} | {"mount": "ReadWriteMount"}
_WRITTEN = re.compile(r"/paths/jobs/[^/]+/outputs/")


def name_of(id: Any) -> str | None:
    """The name of a compute or datastore by its resource id or name."""
    return str(id).rstrip("/").rpartition("/")[2].removeprefix("azureml:") if id else None


def resources_of(asked: Mapping) -> dict[str, Any]:
    found = fields(asked)
    arguments = found.pop("docker_args_list", None)
    found |= {"docker_args": arguments} if arguments else {}
    return said(found)


def inputs_of(asked: Mapping) -> dict[str, Any]:
    """Literals as the text that they are on the wire; one without a value is an optional input left out."""
    found = {name: _input(mapping(asked, name, "properties.inputs")) for name in asked}
    return {name: value for name, value in found.items() if value is not None}


def _input(asked: Mapping) -> Any:
    kind = snake(str(asked.get("jobInputType") or asked.get("job_input_type") or "literal"))
    if kind == "literal":
        return asked.get("value")
    mode = asked.get("mode")
    return said(
        {
            "type": kind,
            "path": asset_ids.reference(str(asked.get("uri") or "")),
            "mode": MODES.get(mode, mode),
            "path_on_compute": asked.get("pathOnCompute"),
        }
    )


def outputs_of(asked: Mapping) -> dict[str, Any]:
    return {name: _output(mapping(asked, name, "properties.outputs")) for name in asked}


def _output(asked: Mapping) -> dict[str, Any]:
    mode, path = asked.get("mode"), asked.get("uri")
    kind = asked.get("jobOutputType") or asked.get("job_output_type")
    return said(
        {
            "type": snake(str(kind)) if kind else None,
            "mode": MODES.get(mode, mode),
            # Where another job wrote, in a job that a client had read.
            "path": None if path and _WRITTEN.search(str(path)) else path,
            "name": asked.get("assetName"),
            "version": asked.get("assetVersion"),
            "description": asked.get("description"),
        }
    )
