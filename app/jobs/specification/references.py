"""What the steps of a pipeline name beside themselves: components, and paths on the client's machine."""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.errors import AtelierError
from app.jobs.specification.local_files import check_uploaded, conda_of, is_definition, is_local
from app.kit.documents import Path
from app.kit.sections import Problems

Find = Callable[[str], Any]


def references(jobs: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Where each of them stands, with what is written there. Paths end in `component`, `trial`, `code`, …"""
    for name, node in jobs.items():
        if isinstance(node, dict):
            yield from _of_step(node, (*path, name))


def _of_step(node: dict, path: Path) -> Iterator[tuple[Path, str]]:
    yield from _of_part(node, path)
    for field in ("component", "trial", "task"):
        part = node.get(field)
        if isinstance(part, dict):
            yield from _of_part(part, (*path, field))
            if isinstance(part.get("task"), dict):
                yield from _of_part(part["task"], (*path, field, "task"))
        elif isinstance(part, str) and field != "task":
            yield (*path, field), part
    inputs = node.get("inputs")
    for name, port in inputs.items() if isinstance(inputs, dict) else ():
        if isinstance(port, dict) and isinstance(port.get("path"), str) and "${{" not in port["path"]:
            yield (*path, "inputs", name, "path"), port["path"]


def _of_part(part: dict, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(part.get("code"), str):
        yield (*path, "code"), part["code"]
    environment = part.get("environment")
    if isinstance(environment, dict) and isinstance(environment.get("conda_file"), str):
        yield (*path, "environment", "conda_file"), environment["conda_file"]
    build = environment.get("build") if isinstance(environment, dict) else None
    if isinstance(build, dict) and isinstance(build.get("path"), str):
        yield (*path, "environment", "build", "path"), build["path"]
    if isinstance(part.get("jobs"), dict):
        yield from references(part["jobs"], (*path, "jobs"))


def local_references(jobs: Mapping[str, Any]) -> dict[Path, str]:
    return {
        path: text
        for path, text in references(jobs)
        if is_local(text) and not (path[-1] == "conda_file" and is_definition(text))
    }


def placed(
    problems: Problems, jobs: Mapping[str, Any], uploads: Mapping[str, str], find: Find, at: Path = ("jobs",)
) -> dict[str, Any]:
    """The steps with each component in the place of its name, and with addresses for local paths.

    `find` answers a component of which that is true already. Notes a component that there is not, or that is
    wrong itself, in `problems`; raises Invalid for a path that was not uploaded.
    """
    local = local_references(jobs)
    check_uploaded({".".join(map(str, (*at, *path))): text for path, text in local.items()}, uploads, "job")
    found = copy.deepcopy(dict(jobs))
    for path, text in references(jobs):
        *above, last = path
        place = found
        for part in above:
            place = place[part]
        if last in ("component", "trial"):
            place[last] = _component(problems, (*at, *path), text, find)
        elif last == "conda_file":
            place[last] = conda_of(text, uploads)
        elif path in local:
            place[last] = uploads[text]
    return found


def _component(problems: Problems, path: Path, text: str, find: Find) -> dict | str:
    try:
        component = find(text)
    except AtelierError as error:
        said = error.message.removeprefix("component: ")
        for message in (said, *error.details):
            problems.add(path, message if "line" in message else f"`{'.'.join(map(str, path))}`: {message}")
        return text
    identity = {} if is_local(text) else {"id": f"azureml:{component.name}:{component.version}"}
    return component.to_dict() | identity
