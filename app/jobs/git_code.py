"""Code that lies in a git repository: how a job file names it.

Source of the form: pip's of VCS requirements, which `git+` of azure-ai-ml's `code` stands for.
"""

import re
from dataclasses import dataclass

from app.errors import Invalid

_FORM = re.compile(r"git\+(?P<url>https?://[^@#\s]+?)(?:@(?P<ref>[^#\s]+))?(?:#subdirectory=(?P<folder>[^\s&]+))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class GitCode:
    """`ref` is a branch, a tag or a commit; None is what the repository has checked out."""

    url: str
    ref: str | None
    folder: str

    @property
    def is_pinned(self) -> bool:
        return bool(self.ref and _COMMIT.fullmatch(self.ref))

    @property
    def name(self) -> str:
        return self.url.rstrip("/").rpartition("/")[2].removesuffix(".git") or "code"


def is_git(code: str | None) -> bool:
    return bool(code and code.startswith("git+"))


def parse(text: str) -> GitCode:
    """Raises Invalid that says the form."""
    found = _FORM.fullmatch(text)
    folder = (found["folder"] or "").strip("/") if found else ""
    if found is None or ".." in folder.split("/") or (found["ref"] or "").startswith("-"):
        raise Invalid(
            f"code: {text!r} is no repository that can be read; write "
            "git+https://HOST/REPOSITORY@BRANCH_TAG_OR_COMMIT#subdirectory=FOLDER. A `git` connection opens a private "
            "one.",
            target="code",
        )
    return GitCode(found["url"], found["ref"], folder)
