"""YAML files of Azure ML CLI v2 on this machine: reading them, changing values, and their local paths."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

from app.sdk.errors import BadFile
from app.sdk.field_changes import change
from app.sdk.requirement_files import read_with_named

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:.*", re.DOTALL)
# The tables of AutoML jobs, which stand beside `inputs`.
TABLES = ("training_data", "validation_data", "test_data")
Upload = Callable[..., str]


def is_local(path: Any) -> bool:
    """Whether a path is one on this machine: every other form starts with a scheme, as in `azureml:`."""
    return isinstance(path, str) and (not _ADDRESS.fullmatch(path) or path.startswith("file:"))


def read_text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is not text'}.") from error


def parse(text: str, name: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise BadFile(f"{name}{where}: this is not YAML: {getattr(error, 'problem', error)}.") from error
    if not isinstance(found, dict):
        raise BadFile(f"{name}: it must be a mapping of fields, such as `name: digits`.")
    return found


def read_changed(file: Path, changes: Iterable[str]) -> tuple[str, dict[str, Any]]:
    """The text of a file and its fields, with `changes` such as `inputs.epochs=5` made in both."""
    text = read_text(file)
    definition = parse(text, file.name)
    changes = list(changes)
    change(definition, changes)
    if _place_environments(definition, file.parent) or changes:
        text = dump(definition)
    return text, definition


def _place_environments(definition: Any, folder: Path) -> bool:
    """Put an environment that a job, component or step names by its file in the place of the name; whether any was."""
    if not isinstance(definition, dict):
        return False
    written = definition.get("environment")
    is_file = isinstance(written, str) and is_local(written) and written.endswith((".yml", ".yaml"))
    if is_file:
        definition["environment"] = _environment_file(local_path(written, folder))
    inner = [definition.get(field) for field in ("component", "trial", "task")]
    steps = definition.get("jobs")
    inner += steps.values() if isinstance(steps, dict) else []
    return any([is_file, *(_place_environments(part, folder) for part in inner)])


def _environment_file(file: Path) -> dict[str, Any]:
    """An environment without a name of its own version, whose paths hold from anywhere."""
    found = parse(read_text(file), file.name)
    found = {field: found[field] for field in ("name", "image", "conda_file", "build") if field in found}
    if conda := _conda_path(found):
        found["conda_file"] = parse(read_with_named(local_path(conda, file.parent)), conda)
    if build := _build_path(found):
        found["build"] = found["build"] | {"path": str(local_path(build, file.parent).resolve())}
    return found


def dump(definition: dict[str, Any]) -> str:
    return yaml.safe_dump(definition, sort_keys=False, allow_unicode=True)


def local_path(written: str, folder: Path) -> Path:
    """A path of a YAML file is relative to that file."""
    return folder / written.removeprefix("file://").removeprefix("file:")


def path_of(definition: dict[str, Any]) -> str:
    """Where the files of data or a model are; raises BadFile for a definition that does not say it so."""
    if "source" in definition:
        raise BadFile("source: nothing is imported from databases and buckets here; give the `path` of the files.")
    if not isinstance(definition.get("path"), str):
        earlier = " (`local_path` is its earlier name)" if "local_path" in definition else ""
        raise BadFile(f"path is missing{earlier}: it is a local path, azureml://…, runs:/… or https://….")
    return definition["path"]


def present(path: Path, includes: Iterable[Path] = ()) -> str:
    """An address for what is not uploaded, where a file is only checked; raises BadFile for what is not there."""
    for needed in (path, *includes):
        if not needed.exists():
            raise BadFile(f"There is no file or folder {needed}.")
    return unsent(path)


def unsent(path: Path) -> str:
    """An address that stands for a file or folder that is not uploaded."""
    return f"azureml://datastores/workspaceblobstore/paths/unsent/{path.resolve().name}"


def job_uploads(definition: dict[str, Any], folder: Path, upload: Upload) -> dict[str, str]:
    """Upload what a job file names on this machine; answers path as written → address, or text of a file.

    What a component file names in its turn, relative to itself, is under `FILE#PATH`.
    """
    return _job_uploads(definition, folder, _once(upload))


def _job_uploads(definition: dict[str, Any], folder: Path, upload: Upload) -> dict[str, str]:
    inputs = definition.get("inputs")
    ports = inputs.values() if isinstance(inputs, dict) else ()
    tables = [definition.get(name) for name in TABLES]
    written = [port.get("path") for port in (*ports, *tables) if isinstance(port, dict)]
    written += [table for table in tables if isinstance(table, str)]
    # Bindings of a step look like paths and are none.
    local = [path for path in dict.fromkeys(written) if is_local(path) and not path.startswith("${{")]
    found = component_uploads(definition, folder, upload)
    found |= {path: upload(local_path(path, folder)) for path in local}
    for field in ("component", "trial"):
        named = definition.get(field)
        if isinstance(named, dict):
            found |= component_uploads(named, folder, upload)
        elif is_local(named):
            found |= _component_file(named, local_path(named, folder), upload)
    return found


def component_uploads(definition: dict[str, Any], folder: Path, upload: Upload) -> dict[str, str]:
    """Upload the code of a job or component and what its steps name; answers as `job_uploads` does."""
    code = definition.get("code")
    named = definition.get("additional_includes")
    includes = [local_path(path, folder) for path in named if is_local(path)] if isinstance(named, list) else []
    packed = [local_path(code, folder), *([includes] if includes else [])] if is_local(code) else []
    found = {code: upload(*packed)} if packed else {}
    found |= environment_uploads(definition.get("environment"), folder, upload)
    steps = definition.get("jobs")
    for step in steps.values() if isinstance(steps, dict) else ():
        if isinstance(step, dict):
            found |= _job_uploads(step, folder, upload)
    if isinstance(definition.get("task"), dict):
        found |= component_uploads(definition["task"], folder, upload)
    return found


def _once(upload: Upload) -> Upload:
    """Steps share their code, which is sent once."""
    sent: dict[str, str] = {}

    def send(path: Path, includes: Iterable[Path] = ()) -> str:
        includes = list(includes)
        key = str([path.resolve(), *includes])
        if key not in sent:
            sent[key] = upload(path, includes) if includes else upload(path)
        return sent[key]

    return send


def _component_file(written: str, file: Path, upload: Upload) -> dict[str, str]:
    """The text of a component file, and what it names."""
    if not file.exists():
        return {written: upload(file)}
    text, definition = read_changed(file, ())
    inner = component_uploads(definition, file.parent, upload)
    return {written: text, **{f"{written}#{path}": address for path, address in inner.items()}}


def environment_uploads(environment: Any, folder: Path, upload: Upload) -> dict[str, str]:
    """The text of an environment's conda file, and the address of its build context, under the paths as written."""
    conda, build = _conda_path(environment), _build_path(environment)
    found = {}
    if conda:
        file = local_path(conda, folder)
        found = {conda: read_with_named(file) if file.exists() else upload(file)}
    return found | ({build: upload(local_path(build, folder))} if build else {})


def _build_path(environment: Any) -> str | None:
    build = environment.get("build") if isinstance(environment, dict) else None
    path = build.get("path") if isinstance(build, dict) else None
    return path if is_local(path) else None


def _conda_path(environment: Any) -> str | None:
    conda = environment.get("conda_file") if isinstance(environment, dict) else None
    return conda if isinstance(conda, str) and "\n" not in conda else None


def with_environment_inline(environment: Any, folder: Path, upload: Upload) -> Any:
    """An environment whose conda file is in it and no longer beside it, and whose build context is uploaded."""
    conda, build = _conda_path(environment), _build_path(environment)
    if conda:
        # A line break tells the text of a file from its path.
        environment = environment | {"conda_file": read_with_named(local_path(conda, folder)).rstrip("\n") + "\n#\n"}
    if build:
        environment = environment | {"build": environment["build"] | {"path": upload(local_path(build, folder))}}
    return environment
