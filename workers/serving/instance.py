"""What an instance of a deployment is: what it should be, and how it is."""

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from workers.containers.server import Server

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SERVER = Path(__file__).resolve().parent / "guest" / "server.py"

State = Literal["Starting", "Ready", "Unhealthy", "Failed", "Stopped"]


@dataclass(frozen=True)
class Probe:
    """Seconds; the defaults are Azure ML's, but for the period, as loopback probes cost nothing."""

    initial_delay: float = 10
    period: float = 5
    timeout: float = 2
    failure_threshold: int = 30

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Probe":
        """Unknown names, such as `success_threshold`, are passed over."""
        return cls(**{name: settings[name] for name in cls.__dataclass_fields__ if settings.get(name) is not None})


@dataclass(frozen=True)
class InstanceSpec:
    """`folder` is the only place it may write; `environ` holds the user's own variables.

    `kind` is `mlflow_model`, `custom_model` or `triton_model`; `scoring_script` lies in `code_folder`. `model_root` is
    what scripts find as AZUREML_MODEL_DIR: the folder that the model's folder or file lies in. `server` is that of a
    custom container, which is run in place of ours.
    """

    name: str
    python: Path
    folder: Path
    model_folder: Path | None
    kind: str
    model_root: Path | None = None
    code_folder: Path | None = None
    scoring_script: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    request_timeout_ms: int = 5000
    max_concurrent: int = 1
    max_queue_wait_ms: int | None = None
    body_bytes: int = 16 * 2**20
    liveness_probe: Mapping[str, Any] = field(default_factory=dict)
    readiness_probe: Mapping[str, Any] = field(default_factory=dict)
    memory_bytes: int | None = None
    hidden: Sequence[Path] = ()
    server: Server | None = None

    @property
    def log_path(self) -> Path:
        return self.folder / "log.txt"

    @property
    def address_path(self) -> Path:
        return self.folder / "address"

    @property
    def config_path(self) -> Path:
        return self.folder / "config.json"

    @property
    def working_directory(self) -> Path:
        return self.code_folder or self.folder

    @property
    def readable(self) -> tuple[Path, ...]:
        places = (self.model_folder, self.code_folder, self.python.parent.parent, SERVER.parent)
        return tuple(place for place in places if place is not None)

    def write_config(self, key: str, port: int, *, watch_stdin: bool) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("home", "tmp"):
            (self.folder / name).mkdir(exist_ok=True)
        self.address_path.unlink(missing_ok=True)
        script = self.working_directory / self.scoring_script if self.scoring_script else None
        config = {
            "kind": self.kind,
            "model_folder": str(self.model_folder) if self.model_folder else None,
            "scoring_script": str(script) if script else None,
            "key": key,
            "port": port,
            "address_file": str(self.address_path),
            "request_timeout_ms": self.request_timeout_ms,
            "max_concurrent_requests_per_instance": self.max_concurrent,
            "max_queue_wait_ms": self.max_queue_wait_ms,
            "body_bytes": self.body_bytes,
            "watch_stdin": watch_stdin,
        }
        self.config_path.touch(mode=0o600)
        self.config_path.write_text(json.dumps(config))

    def full_environ(self) -> dict[str, str]:
        """Built from nothing, so that no secret of the worker's environment gets in."""
        root = self.model_root or self.model_folder
        model = {"AZUREML_MODEL_DIR": str(root)} if root else {}
        return {
            "PATH": f"{self.python.parent}:{SYSTEM_PATH}",
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "PYTHONUNBUFFERED": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "GIT_PYTHON_REFRESH": "quiet",
            **model,
            **{name: str(value) for name, value in self.environ.items()},
        }


@dataclass
class Instance:
    """How an instance is. `address` is host:port, with the path where it scores for a custom container, `error` one
    sentence, `key` what its server asks for.

    `pid` is that of the process that serves, None while there is none.
    """

    name: str
    log_path: Path
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    state: State = "Starting"
    address: str | None = None
    restarts: int = 0
    error: str | None = None
    pid: int | None = None
