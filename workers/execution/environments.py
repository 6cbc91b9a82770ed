"""Finds the interpreter that a job runs in, and builds its environment when nobody has yet."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from app.environments import builder, builds
from app.environments.specification import EnvironmentSpec, digest
from app.settings import Settings

FENCE = Path(__file__).resolve().parent / "guest" / "fence.py"


def interpreter(node, held, plan, system_log) -> Path:
    """Raises EnvironmentBuildFailed with the package that is to blame."""
    spec = EnvironmentSpec.from_dict(plan.environment)
    system_log.write(f"Environment: {spec.name}")
    for note in spec.notes:
        system_log.write(note)
    python = build(spec, node.settings, system_log.write)
    system_log.write(f"Environment is ready: {python.parent.parent}")
    return python


def build(spec: EnvironmentSpec, settings: Settings, log: Callable[[str], None]) -> Path:
    """Build behind the fence: packages run code of their own while they are installed."""
    root = settings.environments_folder.resolve()
    if python := builder.find(spec, root):
        return python
    cache = root / ".cache"
    cache.mkdir(parents=True, exist_ok=True)
    fence = [
        *(sys.executable, "-S", "-E", str(FENCE)),
        *("--write", str(root), "--hide", str(settings.home.resolve())),
        *("--", "env", f"UV_CACHE_DIR={cache}"),
    ]

    def record(spec: EnvironmentSpec) -> AbstractContextManager[Callable[[str], None]]:
        return builds.recorded(spec, lambda: builder.contents(root / digest(spec)))

    return builder.build(spec, root, log, fence, record)
