"""A scoring server: loads one model under the environment's interpreter and answers on loopback.

python server.py --config config.json
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path

# Run by path: siblings are reached as a package, and nothing of it stays on the user's import path.
_HERE = str(Path(__file__).resolve().parent)
sys.path[:] = [str(Path(_HERE).parent), *(place for place in sys.path if Path(place or ".").resolve() != Path(_HERE))]
from guest import custom_model, mlflow_model, model_files, scoring, wire  # noqa: E402

sys.path.pop(0)

FAILED_TO_LOAD = "The model could not be loaded: "
EXIT_NOT_LOADED = 3
log = logging.getLogger("scoring")


@dataclass(frozen=True)
class Config:
    """`config.json`; `address_file` receives host:port once the server listens, for port 0."""

    kind: str
    model_folder: str | None
    key: str
    scoring_script: str | None = None
    host: str = "127.0.0.1"
    port: int = 0
    address_file: str | None = None
    request_timeout_ms: int = 5000
    max_concurrent_requests_per_instance: int = 1
    max_queue_wait_ms: int | None = None
    max_queued_requests: int = 64
    body_bytes: int = 16 * 2**20
    watch_stdin: bool = False
    log_level: str = "INFO"


def load(config: Config) -> scoring.Model:
    folder = Path(config.model_folder) if config.model_folder else None
    if config.scoring_script:
        return custom_model.ScriptModel(Path(config.scoring_script), folder)
    if folder is None:
        raise ValueError("model: a deployment without a scoring script needs a model.")
    if config.kind == "mlflow_model":
        if not (folder / "MLmodel").is_file():
            raise FileNotFoundError(f"model: there is no file MLmodel in {folder}. Expected a folder saved by MLflow.")
        return mlflow_model.MlflowModel(folder)
    if config.kind == "custom_model":
        return custom_model.FileModel(folder)
    if config.kind == "triton_model":
        return custom_model.FileModel(model_files.find_triton(folder))
    raise ValueError(f"kind: {config.kind!r} is not mlflow_model, custom_model or triton_model.")


def _share_processors(concurrent: int) -> None:
    """Concurrent requests share the processors instead of each starting a thread for every one of them."""
    threads = max(1, len(os.sched_getaffinity(0)) // concurrent)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))


def _load_into(app: scoring.ScoringApp, config: Config) -> None:
    try:
        app.model = load(config)
    except BaseException as error:
        traceback.print_exc()
        message = " ".join(f"{type(error).__name__}: {error}".split())
        print(FAILED_TO_LOAD + message, file=sys.stderr, flush=True)
        os._exit(EXIT_NOT_LOADED)
    log.info("the model is loaded")


def _end_with_parent() -> None:
    """The parent holds the other end of standard input, and never writes to it."""
    while os.read(0, 1024):
        continue
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


async def serve(config: Config) -> None:
    limits = scoring.Limits(
        config.request_timeout_ms / 1000,
        config.max_concurrent_requests_per_instance,
        config.max_queued_requests,
        None if config.max_queue_wait_ms is None else config.max_queue_wait_ms / 1000,
    )
    app = scoring.ScoringApp(config.key, limits)
    server, port = await wire.listen(app, config.host, config.port, config.body_bytes, scoring.refuse, app.quick)
    if config.address_file:
        written = Path(config.address_file + ".new")
        written.write_text(f"{config.host}:{port}")
        written.replace(config.address_file)
    threading.Thread(target=_load_into, args=(app, config), name="load", daemon=True).start()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    server.close()
    # Whoever started this process sets the bound by killing it.
    while app.in_flight:
        await asyncio.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    config = Config(**json.loads(parser.parse_args().config.read_text()))
    logging.basicConfig(stream=sys.stdout, level=config.log_level, format="%(asctime)s %(levelname)s %(message)s")
    if config.watch_stdin:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    _share_processors(config.max_concurrent_requests_per_instance)
    asyncio.run(serve(config))
    # Threads that still score belong to requests that nobody waits for.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
