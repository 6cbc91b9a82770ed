"""Fetches a bundle from a server of Atelier."""

from collections.abc import Collection
from pathlib import Path

from app.sdk.bundles import Bundle, Progress
from app.sdk.errors import BadFile
from app.sdk.transport import Transport


def fetch(
    transport: Transport, file: Path, experiments: Collection[str], runs: Collection[str], progress: Progress
) -> int:
    """Write a bundle to `file`, which is there when it is whole and verified; answers its size in bytes."""
    unfinished = file.with_name(file.name + ".part")
    params = {"experiment": list(experiments), "run": list(runs)}
    try:
        size = 0
        with transport.stream("/api/exports", params=params, timeout=600) as answer, unfinished.open("wb") as target:
            for piece in answer.iter_bytes():
                size += target.write(piece)
                progress("bytes fetched", size, None)
        with Bundle(unfinished) as bundle:
            bundle.verify(progress)
        unfinished.replace(file)
    except OSError as error:
        raise BadFile(f"{file} cannot be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return size
