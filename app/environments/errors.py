"""What can go wrong when an environment is built."""

import re

from app.errors import AtelierError

_NOT_FOUND = re.compile(r"Because (\S+) was not found in the (?:package registry|provided package locations)")
_NO_VERSION = re.compile(r"Because (?:there is|there are) no versions? of (\S+)")
_BUILD = re.compile(r"(?:Failed to build|Failed to download|Failed to fetch|Failed to install)[:\s]+`?([^`\s]+)`?")
_NO_WHEEL = re.compile(r"Because (?:all versions of )?(\S+?)(?:==\S+)? has no wheels")
# Indented: what uv says itself is not.
_EXCEPTION = re.compile(r"[ │]+(?:\w*(?:Error|Exception)|error): \S")
MOST_LINES = 40


class EnvironmentBuildFailed(AtelierError):
    """`target` is the package that is to blame, where uv says which; `details` the last lines of its output."""

    title = "The environment could not be built"

    @classmethod
    def of(cls, name: str, lines: list[str]) -> "EnvironmentBuildFailed":
        """From everything that uv printed."""
        package, why = _blame(lines)
        said = f"package {package}: {why}" if package else why
        return cls(f"Environment {name} could not be built: {said}", target=package, details=lines[-MOST_LINES:])


def _blame(lines: list[str]) -> tuple[str | None, str]:
    text = re.sub(r"\s+", " ", " ".join(line.strip(" ×╰─▶│├┬") for line in lines)).strip()
    if found := _NOT_FOUND.search(text):
        return _package(found[1]), "no package index has it; check its name."
    if found := _NO_VERSION.search(text):
        return _package(found[1]), f"{_from(text, 'Because ')} Check the version that is asked for."
    if found := _NO_WHEEL.search(text):
        return _package(found[1]), f"it does not exist for this Python or system. {_from(text, 'Because ')}"
    if found := _BUILD.search(text):
        return _package(found[1]), _build_error(lines) or _from(text, found[0])
    return None, _from(text, "No solution found", "Because ", "error: ", "Failed to ")


def _package(requirement: str) -> str:
    return re.split(r"[=<>!~\[@ ]", requirement)[0]


def _build_error(lines: list[str]) -> str | None:
    """The last error that the package's own build printed."""
    told = [line.strip(" │") for line in lines if _EXCEPTION.match(line)]
    return f"it has no wheel for this Python, and building it from source failed: {told[-1][:300]}" if told else None


def _from(text: str, *starts: str) -> str:
    """uv's complaint from its first known words on; the progress before it is dropped."""
    start = next((text.find(words) for words in starts if words in text), 0)
    return text[start:].removeprefix("error: ").strip()[:600] or "uv ended without saying why."
