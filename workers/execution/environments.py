"""Finds the interpreter that a job runs in, and builds its environment when nobody has yet."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from app.connections import openings
from app.database import reading
from app.environments import builder, builds
from app.environments.specification import EnvironmentSpec, digest
from app.errors import Invalid, Unavailable
from app.settings import Settings
from workers.containers.engine import engine_sockets
from workers.containers.images import Builder, Image, ImageUnavailable
from workers.containers.kubernetes.cluster import Cluster
from workers.execution import scratch

FENCE = Path(__file__).resolve().parent / "guest" / "fence.py"


def ready(node, held, plan, system_log) -> Path | Image:
    """The interpreter or the container image that a job runs in.

    Raises EnvironmentBuildFailed with the package that is to blame, and Unavailable for an image that cannot be had.
    """
    spec = EnvironmentSpec.from_dict(plan.environment)
    if spec.container and node.engine:
        system_log.write(f"Container engine: {node.engine.name}")
        folder = node.settings.home.resolve() / "containers"
        with reading() as session:
            logins = openings.registry_logins(session, plan.workspace_id)
        try:
            if isinstance(node.engine, Cluster):
                return node.engine.ready(spec, logins)
            return Builder(node.engine, folder, system_log.write, lambda: held.must_stop, logins).ready(spec)
        except ImageUnavailable as error:
            if node.settings.containers not in ("auto", "kubernetes") or spec.is_image_only:
                raise
            spec = replace(spec, notes=(error.message, *spec.notes))
            plan.environment = {**plan.environment, "notes": list(spec.notes)}
    if isinstance(node.engine, Cluster) and plan.devices:
        raise Invalid(
            f"environment: {spec.name} runs on the worker, and the GPUs are in the cluster; name an image.",
            target="environment",
        )
    return interpreter(node, spec, system_log)


def interpreter(node, spec: EnvironmentSpec, system_log) -> Path:
    system_log.write(f"Environment: {spec.name}")
    for note in spec.notes:
        system_log.write(note)
    python = build(spec, node.settings, system_log.write)
    system_log.write(f"Environment is ready: {python.parent.parent}")
    return python


def build(spec: EnvironmentSpec, settings: Settings, log: Callable[[str], None]) -> Path:
    """Build behind the fence: packages run code of their own while they are installed.

    Raises EnvironmentBuildFailed, and Unavailable for an image that nothing can stand in for.
    """
    if spec.is_image_only:
        raise Unavailable(f"Environment {spec.name} runs in its image only. {' '.join(spec.notes)}")
    root = settings.environments_folder.resolve()
    if python := builder.find(spec, root):
        return python
    # What came from a feed is not found again by who has no credentials for it.
    cache = root / (f".cache-{spec.feeds[0].partition('/')[0]}" if spec.feeds else ".cache")
    cache.mkdir(parents=True, exist_ok=True)

    def record(spec: EnvironmentSpec) -> AbstractContextManager[Callable[[str], None]]:
        return builds.recorded(spec, lambda: builder.contents(root / digest(spec)))

    with _credentials(spec, settings.home.resolve()) as (variables, readable):
        fence = [
            *(sys.executable, "-S", "-E", str(FENCE)),
            *("--write", str(root), *readable, "--hide", str(settings.home.resolve())),
            *(word for path in engine_sockets() for word in ("--hide-socket", path)),
            *("--", "env", f"UV_CACHE_DIR={cache}", *(f"{name}={value}" for name, value in variables.items())),
        ]
        return builder.build(spec, root, log, fence, record)


@contextmanager
def _credentials(spec: EnvironmentSpec, home: Path) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The variables and options of the fence by which a build reads the credentials of its feeds, while it lasts."""
    if not spec.feeds:
        yield {}, []
        return
    with scratch.folder(home, "feeds") as folder:
        with reading() as session:
            variables = openings.write(session, spec.feeds, folder)
        yield variables, ["--read", str(folder)]
