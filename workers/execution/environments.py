"""Finds the interpreter that a job runs in, and builds its environment when nobody has yet."""

from pathlib import Path

from app.environments import builder
from app.environments.specification import EnvironmentSpec


def interpreter(node, held, plan, system_log) -> Path:
    """Raises EnvironmentBuildFailed with the package that is to blame."""
    spec = EnvironmentSpec.from_dict(plan.environment)
    system_log.write(f"Environment: {spec.name}")
    python = builder.build(spec, node.settings.environments_folder, system_log.write)
    system_log.write(f"Environment is ready: {python.parent.parent}")
    return python
