"""The image that a job runs in: pulled, built from a context, or an image with a conda file's packages on top."""

import hashlib
import json
import os
import re
import secrets
import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from app.connections import openings
from app.database import reading
from app.environments import builder, uv
from app.environments.errors import EnvironmentBuildFailed
from app.environments.specification import EnvironmentSpec
from app.errors import AtelierError, Unavailable
from app.kit.storage import store
from workers.containers import registries
from workers.containers.confinement import fenced, mounted
from workers.containers.engine import IMAGE_LABEL, Engine
from workers.held import Stopped

# Source: github.com/distribution/reference, the grammar of references. It keeps out options and other transports.
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REFERENCE = re.compile(
    rf"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?/)?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)
_ERROR = re.compile(r"(?i)\W*(?:error|fatal)\b")
# As Docker sets it for an image that has none.
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LAYER = Path("/opt/atelier")
_MOUNT = "/mnt/atelier"
Say = Callable[[str], None]


class ImageUnavailable(Unavailable):
    """The image cannot be had on this worker."""


@dataclass(frozen=True)
class Image:
    """`name` is what is run, `asked` what the job's environment names, `id` the engine's digest of it.

    `engine` may be a cluster, whose nodes pull it: with `login`, host, user and password at its registry.
    """

    engine: Any
    name: str
    asked: str
    id: str
    login: tuple[str, str, str] | None = field(default=None, repr=False)

    @property
    def is_of_pod(self) -> bool:
        return self.engine.kind == "kubernetes"


@dataclass(frozen=True)
class Builder:
    """Makes images ready on one machine; `folder` takes locks and what is copied for a build.

    `logins` are user and password at registries, by host: those of the workspace for which images are made ready.
    """

    engine: Engine
    folder: Path
    say: Say
    must_stop: Callable[[], bool]
    logins: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)

    def ready(self, spec: EnvironmentSpec) -> Image:
        """Raises ImageUnavailable where the image cannot be had, Unavailable where it cannot be built on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        container = spec.container or {}
        if "build" in container:
            return self._built(container["build"])
        asked = container["image"]
        image_id = self._pulled(asked)
        if container.get("conda") is None:
            return Image(self.engine, asked, asked, image_id)
        return self._layered(asked, image_id, spec)

    def _pulled(self, image: str) -> str:
        if not REFERENCE.fullmatch(image):
            raise Unavailable(f"environment.image: {image!r} is no image; write it as registry/name:tag.")
        # What one workspace signed in for is no other's, so the registry is asked each time.
        private = self.folder / f"private-{hashlib.sha256(image.encode()).hexdigest()[:24]}"
        found = self.engine.image_id(image)
        if found and not private.exists():
            self.say(f"Image {image} is on this machine")
            return found
        self.say(f"Pulling {image}")
        host = registries.host_of(image)
        with registries.signed_in(self.engine, host, self.logins.get(host)) as (before, after):
            if host in self.logins:
                private.touch()
            # Without a transport, Podman would take some names for folders of this machine.
            source = f"docker://{image}" if self.engine.kind == "podman" else image
            status, last = self._run(*before, "pull", *after, source)
        found = self.engine.image_id(image)
        if status or not found:
            raise ImageUnavailable(f"The image {image} could not be pulled: {last}")
        return found

    def _built(self, build: dict) -> Image:
        context = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            store().download(build["key"], context)
            file = (context / build["dockerfile_path"]).resolve()
            if not file.is_relative_to(context.resolve()) or not file.is_file():
                raise Unavailable(f"environment.build: the context has no {build['dockerfile_path']!r}.")
            tag = f"atelier/build:{_digest_of(context, build['dockerfile_path'])}"
            with builder.locked(self.folder, tag.replace("/", "-"), self.say):
                if not self.engine.image_id(tag):
                    if REFERENCE.fullmatch(build.get("base") or "") and build["base"] != "scratch":
                        self._pulled(build["base"])
                    self._build(context, file, tag)
            return Image(self.engine, tag, build["dockerfile_path"], self.engine.image_id(tag) or "")
        finally:
            shutil.rmtree(context, ignore_errors=True)

    def _build(self, context: Path, file: Path, tag: str) -> None:
        self.say(f"Building the image of {file.name}")
        named = ["--label", f"{IMAGE_LABEL}=build", "--tag", tag]
        status, last = self._run("build", "--network", "host", "--file", str(file), *named, str(context))
        if status:
            raise Unavailable(f"The image of {file.name} could not be built: {last}", target="environment.build")

    def _layered(self, asked: str, image_id: str, spec: EnvironmentSpec) -> Image:
        conda = spec.container["conda"]
        content = json.dumps([image_id, conda, spec.requirements, spec.options, spec.feeds], sort_keys=True)
        tag = f"atelier/layer:{hashlib.sha256(content.encode()).hexdigest()[:24]}"
        with builder.locked(self.folder, tag.replace("/", "-"), self.say):
            if not self.engine.image_id(tag):
                self._install(asked, spec, tag)
        return Image(self.engine, tag, asked, self.engine.image_id(tag) or "")

    def _install(self, image: str, spec: EnvironmentSpec, tag: str) -> None:
        """Install in a container and keep that as an image, so that no credential of an index gets into a layer."""
        self.say(f"Installing the packages of the conda file on top of {image}")
        folder, name = Path(tempfile.mkdtemp(dir=self.folder)), f"atelier-build-{secrets.token_hex(8)}"
        try:
            _write_recipe(spec, folder)
            options = [*fenced(self.engine, name), "--user", "0:0"]
            for capability in ("CHOWN", "DAC_OVERRIDE", "FOWNER"):
                options += ["--cap-add", capability]
            options += [*mounted(folder, read_only=True, target=_MOUNT), "--pull", "never", "--entrypoint", "/bin/sh"]
            said: list[str] = []
            status, last = self._run(*options, image, f"{_MOUNT}/install.sh", said=said)
            if status:
                raise _not_installed(image, said, last)
            self._commit(name, image, tag)
        finally:
            self.engine.remove(name)
            shutil.rmtree(folder, ignore_errors=True)

    def _commit(self, name: str, image: str, tag: str) -> None:
        variables = json.loads(
            self.engine.answer("image", "inspect", "--format", "{{json .Config.Env}}", image) or "[]"
        )
        path = next((item.partition("=")[2] for item in variables or () if item.startswith("PATH=")), DEFAULT_PATH)
        changes = ["--change", f"ENV PATH={LAYER}/bin:{path}", "--change", f"LABEL {IMAGE_LABEL}=layer"]
        status, last = self._run("commit", *changes, name, tag)
        if status:
            raise Unavailable(f"The image with the packages could not be kept: {last}")

    def _run(self, *arguments: str, said: list[str] | None = None) -> tuple[int, str]:
        """The exit status, and the last error or line; raises Stopped when the job was cancelled meanwhile.

        All lines are added to `said`.
        """
        said = [] if said is None else said

        def say(line: str) -> None:
            said.append(line)
            self.say(line)

        status = self.engine.stream(arguments, say, self.must_stop)
        if status is None:
            raise Stopped
        last = said[-1] if said else "the engine did not say why"
        return status, next((line for line in reversed(said) if _ERROR.match(line)), last)[:500]


def _not_installed(image: str, said: list[str], last: str) -> AtelierError:
    """With the package that is to blame, where uv says which."""
    blamed = EnvironmentBuildFailed.of(f"on top of {image}", said)
    if blamed.target:
        return blamed
    why = f"The packages of the conda file could not be installed on top of {image}: {last}"
    return EnvironmentBuildFailed(why, target="environment.conda_file", details=blamed.details)


def _digest_of(folder: Path, dockerfile: str) -> str:
    found = hashlib.sha256(dockerfile.encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(f"\0{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:24]


INSTALL = """set -e
cd {mount}
{variables}
for conda in conda mamba /opt/miniconda/bin/conda /opt/conda/bin/conda; do
    if command -v $conda >/dev/null 2>&1; then exec $conda env create --quiet --prefix {layer} --file conda.yml; fi
done
if command -v micromamba >/dev/null 2>&1; then exec micromamba create --yes --prefix {layer} --file conda.yml; fi
python=$(command -v python3 || command -v python) || {{ echo "The image has neither conda nor Python."; exit 1; }}
./uv venv --quiet --python {python} {layer} 2>/dev/null || {{
    echo "The image has no Python {python}; its own one is used."; ./uv venv --quiet --python "$python" {layer}; }}
./uv pip install --no-cache --compile-bytecode --python {layer}/bin/python -r requirements.txt {options}
"""


def _write_recipe(spec: EnvironmentSpec, folder: Path) -> None:
    """`install.sh` and what it reads: conda's own file where the image has conda, else pip's requirements."""
    conda = {key: value for key, value in spec.container["conda"].items() if key not in ("name", "prefix")}
    (folder / "conda.yml").write_text(yaml.safe_dump(conda, sort_keys=False))
    (folder / "requirements.txt").write_text("".join(f"{requirement}\n" for requirement in spec.requirements))
    shutil.copy(uv.path(), folder / "uv")
    index = uv.remote_index_options()
    variables = {"UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}
    variables |= {_PIP_VARIABLES[name]: value for name, value in index if name in _PIP_VARIABLES}
    variables |= {name: value for name, value in os.environ.items() if _PROXY.fullmatch(name)}
    if spec.feeds:
        with reading() as session:
            opened = openings.write(session, spec.feeds, folder)
        variables |= {name: value.replace(str(folder), _MOUNT) for name, value in opened.items()}
    if authorities := next(
        (os.environ[name] for name in _AUTHORITIES if Path(os.environ.get(name, "")).is_file()), None
    ):
        shutil.copy(authorities, folder / "authorities.pem")
        variables |= dict.fromkeys(_AUTHORITIES, f"{_MOUNT}/authorities.pem")
    script = INSTALL.format(
        mount=_MOUNT,
        layer=LAYER,
        python=spec.python_version or '"$python"',
        variables="\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items()),
        options=" ".join(
            shlex.quote(word) for word in (*(part for pair in index for part in pair), *builder.options(spec))
        ),
    )
    (folder / "install.sh").write_text(script)
    folder.chmod(0o755)


_AUTHORITIES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
_PROXY = re.compile(r"(?i)(?:https?|all|no)_proxy")
_PIP_VARIABLES = {"--index-url": "PIP_INDEX_URL", "--extra-index-url": "PIP_EXTRA_INDEX_URL"}
