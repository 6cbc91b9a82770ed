"""What a job file names on this machine and is not there, each with its line."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from app.sdk import files
from app.sdk.errors import BadFile, ClientError


def check(file: Path, text: str, definition: dict[str, Any], validate: Callable[[dict[str, str]], Any]) -> Any:
    """What `validate` says of the file, given an address for each of its local paths.

    Raises BadFile for paths that are not there, with all else that is wrong, as `validate` raises it, in `details`.
    """
    missing: dict[Path, None] = {}

    def stand_in(path: Path, includes: Iterable[Path] = ()) -> str:
        missing.update(dict.fromkeys(needed for needed in (path, *includes) if not needed.exists()))
        return files.unsent(path)

    uploads = files.job_uploads(definition, file.parent, stand_in)
    if not missing:
        return validate(uploads)
    problems = list(_described(file, text, missing))
    # What stands for a file of components or packages says nothing of what they are.
    if not any(path.suffix in (".yml", ".yaml") for path in missing):
        try:
            validate(uploads)
        except ClientError as error:
            problems += [error.message, *error.details]
    raise BadFile(problems[0], details=problems[1:])


def _described(file: Path, text: str, missing: Iterable[Path]) -> Iterator[str]:
    written = list(_scalars(yaml.compose(text), ()))
    for path in missing:
        for place, node in written:
            if files.is_local(node.value) and files.local_path(node.value, file.parent) == path:
                line, column = node.start_mark.line + 1, node.start_mark.column + 1
                yield f"{file.name} line {line}, column {column}: `{place}`: there is no file or folder {path}."
                break
        else:
            yield f"There is no file or folder {path}."


def _scalars(node: yaml.Node | None, above: tuple[str, ...]) -> Iterator[tuple[str, yaml.ScalarNode]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(value, (*above, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _scalars(value, above)
    elif isinstance(node, yaml.ScalarNode):
        yield ".".join(above), node
