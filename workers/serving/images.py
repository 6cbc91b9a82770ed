"""Makes the images of custom containers ready, in threads of their own: a pull may take minutes."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from app.connections import openings
from app.database import reading
from app.endpoints import containers
from app.environments.specification import EnvironmentSpec
from app.errors import Unavailable
from workers.containers.images import Builder, Image, ImageUnavailable
from workers.held import Stopped
from workers.node import Node
from workers.serving.specs import Wanted, instance_folder


@dataclass(frozen=True)
class Found:
    """`image` is None for what our own server serves."""

    image: Image | None


class Images:
    def __init__(self, node: Node) -> None:
        self._node = node
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="image")
        self._found: dict[int, Future[Found]] = {}
        self._must_stop = threading.Event()

    def of(self, item: Wanted) -> Found | None:
        """None while it is made ready; raises Unavailable where it cannot be had."""
        if containers.routes(item.environment) is None:
            return Found(None)
        known = self._found.get(item.id)
        if known is None:
            known = self._found[item.id] = self._threads.submit(self._ready, item)
        return known.result() if known.done() else None

    def _ready(self, item: Wanted) -> Found:
        is_replaceable = containers.is_replaceable(item.kind, item.scoring_script)
        engine = self._node.local_engine
        if engine is None:
            if is_replaceable:
                return Found(None)
            raise Unavailable("The image brings the server, and this worker has no container engine to run it.")
        log = instance_folder(item, self._node) / "log.txt"

        def say(line: str) -> None:
            with log.open("a") as file:
                file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {line}\n")

        with reading() as session:
            logins = openings.registry_logins(session, item.workspace_id)
        folder = self._node.settings.home.resolve() / "containers"
        try:
            image = Builder(engine, folder, say, self._must_stop.is_set, logins).ready(
                EnvironmentSpec.from_dict(item.environment)
            )
        except ImageUnavailable as error:
            if not is_replaceable or self._node.settings.containers != "auto":
                raise
            say(f"{error.message} Atelier's own scoring server serves the deployment.")
            return Found(None)
        except Stopped:
            raise Unavailable("The worker ended while the image was made ready.") from None
        return Found(image)

    def forget(self, instance_id: int) -> None:
        if (known := self._found.pop(instance_id, None)) is not None:
            known.cancel()

    def close(self) -> None:
        self._must_stop.set()
        self._threads.shutdown(cancel_futures=True)
