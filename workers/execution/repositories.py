"""Fetches the code of a job from a git repository, and keeps it as the code that the job has from then on."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from app.connections import openings
from app.data import unreferenced
from app.database import reading, transaction
from app.errors import Unavailable
from app.jobs import git_code, service
from app.jobs.git_code import GitCode
from app.kit.storage import store
from workers.execution import scratch
from workers.execution.environments import FENCE

TIMEOUT_SECONDS = 600
_KEPT = ("PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "https_proxy", "http_proxy", "no_proxy")


def fetch(job_id: int | None, workspace_id: int, code: str, home: Path) -> str:
    """Where the files lie in the store, which the job keeps as its code, where one is given.

    Raises Unavailable with what git says.
    """
    wanted = git_code.parse(code)
    with scratch.folder(home, "code") as work:
        checkout, secrets = work / "checkout", work / "secrets"
        checkout.mkdir()
        secrets.mkdir()
        with reading() as session:
            opened = openings.named(session, workspace_id, [wanted.url])
            variables = openings.write(session, opened, secrets) if opened else {}
        commit = _check_out(wanted, work, home, variables)
        source = checkout / wanted.folder
        if not source.is_dir() or not source.resolve().is_relative_to(checkout.resolve()):
            raise Unavailable(f"code: {wanted.url} has no folder {wanted.folder!r}.", target="code")
        digest = hashlib.sha256(f"{wanted.url}\n{commit}\n{wanted.folder}".encode()).hexdigest()[:32]
        key = f"workspaces/{workspace_id}/uploads/{digest}/{wanted.name}"
        unreferenced.keep(workspace_id, f"uploads/{digest}")
        if not store().list(key):
            store().upload(key, source)
    if job_id is not None:
        with transaction() as session:
            service.keep_code(session, job_id, key, wanted.url, wanted.ref, commit)
    return key


def _check_out(wanted: GitCode, work: Path, home: Path, variables: dict[str, str]) -> str:
    """The files of one commit in `work/checkout`, without its history; returns the commit."""
    fence = [sys.executable, "-S", "-E", str(FENCE), "--write", str(work), "--hide", str(home), "--"]
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    places = {"GIT_DIR": str(work / "git"), "GIT_WORK_TREE": str(work / "checkout"), "HOME": str(work)}
    environ = kept | places | {"GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1"} | variables

    def git(*arguments: str) -> str:
        try:
            done = subprocess.run(
                [*fence, "git", *arguments], capture_output=True, text=True, errors="replace", env=environ, cwd=work,
                timeout=TIMEOUT_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise Unavailable(
                f"code: {wanted.url} was not fetched within {TIMEOUT_SECONDS} s.", target="code"
            ) from error
        if done.returncode:
            said = " ".join(done.stderr.split())[-500:]
            raise Unavailable(f"code: {wanted.url} could not be fetched: {said}", target="code")
        return done.stdout.strip()

    git("init", "--quiet")
    git("fetch", "--quiet", "--depth", "1", "--no-recurse-submodules", wanted.url, wanted.ref or "HEAD")
    git("checkout", "--quiet", "--detach", "FETCH_HEAD")
    return git("rev-parse", "HEAD")
