"""What an environment consists of, and the digest under which it is built once."""

import hashlib
import json
import platform
import sys
from dataclasses import asdict, dataclass, replace
from typing import Any

from app.environments import curated


@dataclass(frozen=True)
class EnvironmentSpec:
    """`requirements` are pip's, `options` pip's index options; `notes` say what was taken differently.

    `version` is that of a registered environment. `feeds` are the connections, as `WORKSPACE_ID/NAME`, with whose
    credentials it is built: what they open is built for those only who have them.
    `version` is that of a registered environment. `container` is the image that it was asked for as, for workers with
    a container engine: `image`, and `conda` (a definition on top of it) or `build` (`key` of the stored context and
    `dockerfile_path`); `inference` are the routes of the server that it brings, where it does. `is_image_only`:
    without an engine nothing can stand in for it, and the notes say why.
    """

    name: str
    requirements: tuple[str, ...]
    options: tuple[str, ...] = ()
    python_version: str | None = None
    image: str | None = None
    notes: tuple[str, ...] = ()
    version: str | None = None
    feeds: tuple[str, ...] = ()
    container: dict[str, Any] | None = None
    is_image_only: bool = False

    @classmethod
    def curated(cls, notes: tuple[str, ...] = (), name: str | None = None) -> "EnvironmentSpec":
        """One that is no longer kept is the one for everything."""
        kept = curated.environments()
        found = kept.get(name or "") or kept[curated.name()]
        return cls(found.name, found.requirements, notes=notes)

    @property
    def is_curated(self) -> bool:
        return self.version is None and self.name in curated.environments()

    @classmethod
    def from_dict(cls, value: dict[str, Any] | None) -> "EnvironmentSpec":
        """Read what `to_dict` wrote; nothing means the curated environment as it is now."""
        if not value or value.get("curated"):
            value = value or {}
            found = cls.curated(tuple(value.get("notes", ())), value.get("name"))
            return replace(found, container=value.get("container"))
        known = {name: value[name] for name in cls.__dataclass_fields__ if name in value}
        return cls(**{name: tuple(item) if isinstance(item, list) else item for name, item in known.items()})

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold. A curated environment is written by its name, without its hundred packages."""
        if self.is_curated:
            found = {"name": self.name, "curated": True, "notes": list(self.notes), "container": self.container}
            return {**found, "digest": digest(self)}
        found = {name: list(item) if isinstance(item, tuple) else item for name, item in asdict(self).items()}
        return {**found, "digest": digest(self)}


def digest(spec: EnvironmentSpec) -> str:
    """24 hexadecimal digits that are the same for the same packages on the same Python and system."""
    content = [
        list(spec.requirements),
        list(spec.options),
        spec.python_version or "",
        f"{sys.version_info.major}.{sys.version_info.minor}",
        f"{sys.platform}-{platform.machine()}",
    ]
    if spec.feeds:
        content.append(list(spec.feeds))
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]
