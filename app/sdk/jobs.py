"""Calls about jobs: submitted, watched, changed and fetched."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.sdk import files, missing_files
from app.sdk.errors import ClientError
from app.sdk.following import Change, follow
from app.sdk.transport import Transport


class Jobs:
    """The calls of a client that are about jobs; `upload` is the client's own."""

    _transport: Transport
    upload: Callable[..., str]

    def create_job(self, file: Path | str, changes: Iterable[str] = ()) -> dict:
        """Submit a job file; its local paths, relative to the file, are uploaded first.

        `changes` are like `inputs.epochs=5`. Raises ClientError with all that is wrong in the file, before anything
        is uploaded.
        """
        file = Path(file)
        text, definition = files.read_changed(file, changes)
        missing_files.check(file, text, definition, lambda uploads: self._validate(text, uploads, file.name))
        return self.submit(text, files.job_uploads(definition, file.parent, self.upload), file.name)

    def validate_job(self, file: Path | str, changes: Iterable[str] = ()) -> dict:
        """What submitting a job file would say, its `type` and `warnings`, with nothing uploaded or submitted.

        Raises ClientError with all that is wrong in the file.
        """
        file = Path(file)
        text, definition = files.read_changed(file, changes)
        return missing_files.check(file, text, definition, lambda uploads: self._validate(text, uploads, file.name))

    def _validate(self, yaml: str, uploads: dict[str, str], file: str) -> dict:
        body = {"yaml": yaml, "uploads": uploads, "file": file}
        return self._transport.json("POST", "/api/jobs/validate", json=body)

    def submit(self, yaml: str, uploads: dict[str, str] | None = None, file: str = "job.yml") -> dict:
        """Submit the text of a job file, whose local paths are keys of `uploads`; problems say where in `file`."""
        body = {"yaml": yaml, "uploads": uploads or {}, "file": file}
        return self._transport.json("POST", "/api/jobs", json=body)

    def job(self, name: str) -> dict:
        return self._transport.json("GET", f"/api/jobs/{quote(name)}")

    def job_yaml(self, name: str) -> str:
        """The file of a job."""
        return self._transport.send("GET", f"/api/jobs/{quote(name)}/yaml").text

    def jobs(self, limit: int | None = None, **narrowed: Any) -> Iterator[dict]:
        """Newest first; narrow with `status`, `experiment`, `text`, `tag`, `created_by`, `parent`."""
        return self._transport.pages("/api/jobs", limit, **narrowed)

    def change_job(self, name: str, **changes: Any) -> dict:
        """Change `display_name`, `description`, `tags`, or, while it waits, `priority` and `queue`."""
        return self._transport.json("PATCH", f"/api/jobs/{quote(name)}", json=changes)

    def job_services(self, name: str) -> list[dict]:
        """The interactive services of a job, with the address at which a browser opens each."""
        return self._transport.json("GET", f"/api/jobs/{quote(name)}/services")

    def cancel_job(self, name: str) -> dict:
        return self._transport.json("POST", f"/api/jobs/{quote(name)}/cancel")

    def retry_job(self, name: str) -> dict:
        """Go on from the steps of a pipeline that failed or were canceled."""
        return self._transport.json("POST", f"/api/jobs/{quote(name)}/retry")

    def act_on_jobs(
        self, action: str, names: Iterable[str] = (), *, query: str | None = None, **arguments: Any
    ) -> dict:
        """Do one of move, copy, tag, untag, rename, archive, unarchive, delete, restore, cancel and remove to jobs.

        They are named, or all that a `query` of the run table's address selects. `arguments` are `experiment` to
        move and copy, `key` and `value` to tag, `name` to rename, and `children`, whether jobs below go along.
        Answers `names`, and `operation` where a worker goes on with it.
        """
        body = {"names": list(names), "query": query, **arguments}
        return self._transport.json("POST", f"/api/bulk/{quote(action)}", json=body)

    def compare_groups(self, group: str, metric: str, **narrowed: Any) -> dict:
        """Whether groups of jobs are better than the base: `group` is `~seed`, `params.NAME` and the like.

        Narrow with `filter`, `experiment` and what else the run table's address takes.
        """
        return self._transport.json(
            "GET", "/api/jobs/compare/groups", params={"group": group, "metric": metric, **narrowed}
        )

    def follow_job(self, name: str) -> Iterator[Change]:
        return follow(self._transport, quote(name))

    def download_job(self, name: str, folder: Path | str) -> list[Path]:
        """Fetch artifacts and logs of a job into `folder`."""
        folder, base = Path(folder), f"/api/jobs/{quote(name)}"
        written = []
        for path in self._artifacts(base, {}):
            target = _inside(folder / "artifacts", path)
            written.append(self._fetch(f"{base}/artifacts/content", {"path": path}, target))
        for path in self._transport.json("GET", f"{base}/logs/files"):
            target = _inside(folder / "logs", path)
            written.append(self._fetch(f"{base}/logs", {"file": path, "download": "true"}, target))
        return written

    def download_output(self, name: str, output: str, folder: Path | str) -> list[Path]:
        """Fetch what a job wrote to one of its outputs into `folder`."""
        base, root = f"/api/jobs/{quote(name)}", {"root": f"output:{output}"}
        return [
            self._fetch(f"{base}/artifacts/content", {"path": path, **root}, _inside(Path(folder), path))
            for path in self._artifacts(base, root)
        ]

    def _artifacts(self, base: str, root: dict[str, str], path: str = "") -> Iterator[str]:
        for item in self._transport.json("GET", f"{base}/artifacts", params={"path": path, **root})["value"]:
            if item.get("is_dir"):
                yield from self._artifacts(base, root, item["path"])
            else:
                yield item["path"]

    def _fetch(self, path: str, params: dict[str, str], target: Path) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._transport.stream(path, params=params) as answer, target.open("wb") as file:
            for chunk in answer.iter_bytes():
                file.write(chunk)
        return target


def _inside(folder: Path, path: str) -> Path:
    target = (folder / path).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise ClientError(f"The server names a file outside of the folder: {path!r}.")
    return target
