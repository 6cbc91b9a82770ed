"""The forms in which Azure ML and MLflow say where a file or an asset is.

Source: the `path` forms of CLI v2 YAML, and MLflow's artifact URIs.
"""

import re
from dataclasses import dataclass

from app.errors import Invalid

DATASTORE = "workspaceblobstore"
# Folders of a workspace's store that the server keeps for itself; all others are its users' own.
_KEPT = re.compile(
    r"(azureml|data|deployments|endpoints|jobs|localupload|models|parts|tracking|uploads|blob-[^/]*)(/.*)?", re.I | re.S
)
_OWN = re.compile(r"\$\{\{\s*default_datastore\s*\}\}")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:.*", re.DOTALL)
_STORE = re.compile(r"azureml://(?:subscriptions/.+?/workspaces/[^/]+/)?datastores/([^/]+)/paths/(.+)")
_DEFAULT_OUTPUT = re.compile(r"azureml/([^/]+)/([^/]+)(?:/(.*))?")
_OUTPUT = re.compile(
    r"azureml://(?:subscriptions/.+?/workspaces/[^/]+/)?jobs/([^/]+)/outputs/([^/]+)(?:/paths(?:/(.*))?)?"
)
_LONG = re.compile(
    r"azureml://(?:subscriptions|locations)/.+?/workspaces/[^/]+/(data|models|components)/([^/]+)/versions/([^/]+)"
)
_REGISTERED = re.compile(
    r"azureml://registries/([^/]+)/(data|models|components|environments)/([^/]+)/(versions|labels)/([^/]+)/?"
)
_RUN = re.compile(r"runs:/([^/]+)(?:/(.*))?")
_MODEL = re.compile(r"models:/(?:(m-[0-9a-f]+)|([^/@]+)(?:/([^/]+)|@(.+)))(?:/.*)?")
_SHORT = re.compile(r"(?:azureml:)?([A-Za-z0-9][A-Za-z0-9_.-]*)(?::([A-Za-z0-9_.-]+)|@([A-Za-z0-9_.-]+))")


def is_local(path: str) -> bool:
    """Whether a path is one on the client's machine: every other form starts with a scheme, as in `azureml:`."""
    return not _ADDRESS.fullmatch(path) or path.startswith("file:")


@dataclass(frozen=True)
class Stored:
    """A file or folder of a workspace's own store; `path` is relative to the workspace."""

    path: str


@dataclass(frozen=True)
class InDatastore:
    """A file or folder of another datastore than the workspace's own; `path` is relative to the datastore."""

    datastore: str
    path: str


@dataclass(frozen=True)
class JobOutput:
    job: str
    output: str
    path: str


@dataclass(frozen=True)
class RunArtifact:
    run: str
    path: str


@dataclass(frozen=True)
class LoggedModelFiles:
    model_id: str


@dataclass(frozen=True)
class AssetVersion:
    """`kind` is data, models, components, environments or None where the address does not say.

    One of version and label is set. `registry` names the registry that it lies in, None for the workspace itself.
    """

    name: str
    version: str | None
    label: str | None
    kind: str | None = None
    registry: str | None = None


@dataclass(frozen=True)
class Elsewhere:
    url: str


Address = Stored | InDatastore | JobOutput | RunArtifact | LoggedModelFiles | AssetVersion | Elsewhere


def stored_address(path: str) -> str:
    """How a path of the workspace's store is written in answers and files."""
    return f"azureml://datastores/{DATASTORE}/paths/{path}"


def parse(text: str, field: str = "path") -> Address:
    """Read an address; raises Invalid with the forms that exist."""
    if found := _STORE.fullmatch(text):
        if found[1] != DATASTORE:
            return InDatastore(found[1], found[2])
        output = _DEFAULT_OUTPUT.fullmatch(found[2])
        return JobOutput(output[1], output[2], output[3] or "") if output else Stored(found[2])
    if found := _REGISTERED.fullmatch(text):
        version, label = (found[5], None) if found[4] == "versions" else (None, found[5])
        return AssetVersion(found[3], version, label, found[2], found[1])
    if found := _OUTPUT.fullmatch(text):
        return JobOutput(found[1], found[2], found[3] or "")
    if found := _LONG.fullmatch(text):
        return AssetVersion(found[2], found[3], None, found[1])
    if found := _RUN.fullmatch(text):
        return RunArtifact(found[1], found[2] or "")
    if found := _MODEL.fullmatch(text):
        if found[1]:
            return LoggedModelFiles(found[1])
        label = found[4] or ("latest" if found[3] == "latest" else None)
        return AssetVersion(found[2], None if label else found[3], label, "models")
    if re.match(r"(https?|abfss?|wasbs?)://", text):
        return Elsewhere(text)
    if found := _SHORT.fullmatch(text):
        return AssetVersion(found[1], found[2], found[3])
    raise Invalid(
        f"{field}: {text!r} is no address that the server can read. It takes azureml:NAME:VERSION, "
        f"azureml:NAME@latest, azureml://datastores/{DATASTORE}/paths/…, azureml://jobs/JOB/outputs/NAME, "
        "azureml://registries/REGISTRY/{data|models|components}/NAME/versions/VERSION, runs:/RUN/PATH, "
        "https://… and abfss://…; a local path must be uploaded first, as the command line does.",
        target=field,
    )


def output_place(path: str | None) -> InDatastore | Stored | JobOutput | None:
    """Where a job file sends an output: JobOutput where outputs lie anyway, None where none can be sent."""
    if not path or not path.startswith("azureml://") or ".." in path.split("/"):
        return None
    try:
        found = parse(_OWN.sub(DATASTORE, path))
    except Invalid:
        return None
    if isinstance(found, Stored) and is_kept(found.path):
        return None
    return found if isinstance(found, InDatastore | Stored | JobOutput) else None


def is_kept(path: str) -> bool:
    """Whether a path of a workspace's store lies where only the server itself writes."""
    return _KEPT.fullmatch(path.lstrip("./")) is not None
