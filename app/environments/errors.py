"""What can go wrong when an environment is built."""

import re

from app.errors import AtelierError

_NOT_FOUND = re.compile(r"Because (\S+) was not found in the (?:package registry|provided package locations)")
_NO_VERSION = re.compile(r"Because (?:there is|there are) no versions? of (\S+)")
_BUILD = re.compile(r"(?:Failed to build|Failed to download|Failed to fetch|Failed to install)[:\s]+`?([^`\s]+)`?")
_NO_WHEEL = re.compile(r"Because (?:all versions of )?(\S+?)(?:==\S+)? has no wheels")
_UNPARSED = re.compile(r"Couldn't parse requirement in `[^`]+` at position \d+")
MOST_LINES = 40


class EnvironmentBuildFailed(AtelierError):
    """`target` is the package that is to blame, where uv says which; `details` the last lines of its output."""

    title = "The environment could not be built"

    @classmethod
    def of(cls, name: str, lines: list[str]) -> "EnvironmentBuildFailed":
        text = " ".join(line.strip(" ×╰─▶│├┬") for line in lines)
        package, why = _blame(re.sub(r"\s+", " ", text))
        said = f"package {package}: {why}" if package else why
        return cls(f"Environment {name} could not be built: {said}", target=package, details=lines[-MOST_LINES:])


def _blame(text: str) -> tuple[str | None, str]:
    if found := _NOT_FOUND.search(text):
        return found[1], "no package index has it; check its name."
    if found := _NO_VERSION.search(text):
        return re.split(r"[=<>!~]", found[1])[0], f"{_reason(text)} Check the version that is asked for."
    if found := _NO_WHEEL.search(text):
        return found[1], f"it does not exist for this Python or system. {_reason(text)}"
    if found := _BUILD.search(text):
        return found[1], _reason(text)
    if _UNPARSED.search(text):
        return None, _reason(text)
    return None, _reason(text)


def _reason(text: str) -> str:
    """From uv's first sentence of complaint on; progress before it is dropped."""
    starts = [text.find(word) for word in ("Because ", "Failed to ", "No solution found", "error: ", "Couldn't parse")]
    known = [start for start in starts if start >= 0]
    reason = text[min(known) :] if known else text
    return reason.strip()[:600] or "uv ended without saying why."
