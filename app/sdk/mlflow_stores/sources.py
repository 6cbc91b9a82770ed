"""What in the registry refers to runs, logged models and experiments, said so that it holds on another server."""

import re
from collections.abc import Mapping

from app.sdk.mlflow_stores.records import Record

_EXPERIMENTS = "_mlflow_experiment_ids"
# Artifacts of a logged model or a run, whatever root they lie below.
_IN_MODEL = re.compile(r"(?:^|/)models/(m-[0-9a-f]{32})/artifacts/?(.*)$")
_IN_RUN = re.compile(r"(?:^|/)([0-9a-f]{32})/artifacts/(.+)$")


def source_here(version: Record) -> str:
    """`models:/ID` or `runs:/ID/path` for a source that is a place of the store's own."""
    source = version.get("source") or ""
    if found := _IN_MODEL.search(source):
        return f"models:/{found[1]}" + (f"/{found[2]}" if found[2] else "")
    if (found := _IN_RUN.search(source)) and found[1] == version.get("run_id"):
        return f"runs:/{found[1]}/{found[2]}"
    return source


def is_address_here(source: str) -> bool:
    return source.startswith(("models:/m-", "runs:/"))


def prompt_experiments(tags: Mapping[str, str]) -> set[str]:
    """Ids of the experiments that a prompt is listed in, written `,1,2,`."""
    return {one for one in tags.get(_EXPERIMENTS, "").split(",") if one}


def prompt_tags(tags: Mapping[str, str], ids: Mapping[str, str]) -> dict[str, str]:
    """With the experiments' ids at the server."""
    if _EXPERIMENTS not in tags:
        return dict(tags)
    there = [ids[one] for one in tags[_EXPERIMENTS].split(",") if one in ids]
    return {**tags, _EXPERIMENTS: f",{','.join(there)}," if there else ""}
