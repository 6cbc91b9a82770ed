"""Compiles the models of deployments to ONNX, one at a time, in a fenced process beside their scoring servers."""

import hashlib
import json
import logging
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from app.database import transaction
from app.endpoints import compilation, service
from app.environments import builder, uv
from app.kit.outbox import hint
from app.kit.storage import store
from app.settings import PROJECT
from workers.node import Node
from workers.serving.guarded import GuardedStarter
from workers.serving.instance import InstanceSpec
from workers.serving.process import Start

log = logging.getLogger(__name__)
PROGRAM = Path(__file__).resolve().parent / "guest" / "compilation.py"
LOCK = PROJECT / "requirements" / "compilation.lock"
LONGEST_SECONDS = 600
LOOK_SECONDS = 0.1


class NotCompiled(Exception):
    """Says why, in one sentence."""


@dataclass(frozen=True)
class Order:
    """`compiled_from` is the digest that `compilation.source` gave."""

    deployment_id: int
    workspace_id: int
    compiled_from: str
    spec: InstanceSpec


class Compiler:
    def __init__(self, node: Node) -> None:
        self._node = node
        self._starter = GuardedStarter(node.launcher)
        self._tried: set[tuple[int, str]] = set()
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    def consider(self, order: Order) -> None:
        """Begin, unless another one is at work or this one was tried; never waits."""
        key = (order.deployment_id, order.compiled_from)
        if key in self._tried or (self._thread is not None and self._thread.is_alive()):
            return
        self._tried.add(key)
        self._thread = threading.Thread(target=self._work, args=(order,), name="compile", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        if self._thread is not None:
            self._thread.join(10)

    def _work(self, order: Order) -> None:
        folder = self._node.folder / "compiling" / str(order.deployment_id)
        try:
            result = self._compile(order, folder)
        except NotCompiled as error:
            result = {"state": "plain", "reason": str(error)}
        except Exception as error:
            log.exception("compiling deployment %s", order.deployment_id)
            result = {"state": "plain", "reason": f"It could not be compiled: {type(error).__name__}: {error}"}
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if not self._ending.is_set():
            with transaction() as session:
                if compilation.keep(session, order.deployment_id, order.compiled_from, result):
                    hint(session, service.CHANNEL, "endpoints")

    def _compile(self, order: Order, folder: Path) -> dict:
        tools = tools_for(order.spec.python, self._node.settings.environments_folder)
        self._run(order, folder, tools)
        path = folder / "result.json"
        if not path.is_file():
            raise NotCompiled("The compilation ended without a result; the worker's log says more.")
        result = json.loads(path.read_text())
        if result["state"] != "compiled":
            return {"state": "plain", "reason": str(result.get("reason"))[:600]}
        if result["bytes"] > compilation.GRAPH_BYTES:
            raise NotCompiled(f"The graph has {result['bytes']} bytes; up to {compilation.GRAPH_BYTES} are served.")
        key = f"workspaces/{order.workspace_id}/deployments/{order.deployment_id}/{order.compiled_from}/model.onnx"
        store().upload(key, folder / "model.onnx")
        return {**result, "key": key}

    def _run(self, order: Order, folder: Path, tools: Path) -> None:
        spec = order.spec
        for name in ("home", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        asked = {
            "kind": spec.kind,
            "model_folder": str(spec.model_folder),
            "tools": str(tools),
            "output_folder": str(folder),
        }
        config = folder / "config.json"
        config.write_text(json.dumps(asked))
        environ = {**spec.full_environ(), "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}
        process = self._starter.start(
            Start(
                name=f"compile-{order.deployment_id}",
                python=spec.python,
                arguments=(str(PROGRAM), "--config", str(config)),
                folder=folder,
                working_directory=folder,
                environ=environ,
                log_path=folder / "log.txt",
                memory_bytes=spec.memory_bytes,
                readable=(*spec.readable, tools),
                hidden=tuple(spec.hidden),
            )
        )
        until = time.monotonic() + LONGEST_SECONDS
        while process.poll() is None and time.monotonic() < until:
            if self._ending.wait(LOOK_SECONDS):
                break
        if process.poll() is None:
            process.end(0)
            raise NotCompiled(f"The compilation took longer than {LONGEST_SECONDS} s.")


def tools_for(python: Path, root: Path) -> Path:
    """A folder with the converters for that interpreter, which comes last on its path; made when it is missing.

    Raises NotCompiled when the packages cannot be had.
    """
    version = subprocess.run(
        [str(python), "-I", "-c", "import sys; print(*sys.version_info[:2], sep='.')"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.strip()
    name = f"compilation-{version}-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    target, unfinished = root / name, root / f".{name}.unfinished"
    with builder.locked(root, name, log.info):
        if not target.is_dir():
            shutil.rmtree(unfinished, ignore_errors=True)
            arguments = ["pip", "install", "--no-deps", "--python", str(python), "--target", str(unfinished)]
            status, lines = uv.run(
                [*arguments, "--compile-bytecode", "-r", str(LOCK), *uv.index_options(())],
                lambda line: log.debug("%s", line),
            )
            if status:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise NotCompiled("The converters could not be installed: " + " ".join(lines[-3:])[:300])
            unfinished.rename(target)
    return target
