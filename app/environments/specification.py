"""What an environment consists of, and the digest under which it is built once."""

import hashlib
import json
import platform
import sys
from dataclasses import asdict, dataclass
from typing import Any

from app.environments import curated


@dataclass(frozen=True)
class EnvironmentSpec:
    """`requirements` are pip's, `options` pip's index options; `notes` say what was taken differently."""

    name: str
    requirements: tuple[str, ...]
    options: tuple[str, ...] = ()
    python_version: str | None = None
    image: str | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def curated(cls, notes: tuple[str, ...] = ()) -> "EnvironmentSpec":
        return cls(curated.name(), curated.requirements(), notes=notes)

    @classmethod
    def from_dict(cls, value: dict[str, Any] | None) -> "EnvironmentSpec":
        """Read what `to_dict` wrote; nothing means the curated environment as it is now."""
        if not value or value.get("curated"):
            return cls.curated(tuple((value or {}).get("notes", ())))
        known = {name: value[name] for name in cls.__dataclass_fields__ if name in value}
        return cls(**{name: tuple(item) if isinstance(item, list) else item for name, item in known.items()})

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold. The curated environment is written by its name, without its hundred packages."""
        if self.name == curated.name():
            return {"name": self.name, "curated": True, "digest": digest(self), "notes": list(self.notes)}
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
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]
