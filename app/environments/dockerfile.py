"""What a Dockerfile installs with pip and conda, for a machine on which no images are built.

Source: the Dockerfile reference (instructions, line continuations, ARG and ENV substitution).
"""

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from app.environments.conda import Wanted, definition_of, read_conda, read_pip, take_conda
from app.errors import Invalid
from app.kit.documents import Document
from app.kit.sections import Problems

RUN = ("RUN",)
ReadFile = Callable[[str], str | None]
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")
_PIP = re.compile(r"(?:sudo )?(?:\S*python[\d.]* -m )?(?:uv )?\S*pip[\d.]* (?:--\S+ )*install(?: |$)")
_CONDA = re.compile(
    r"(?:sudo )?\S*(?:conda|mamba|micromamba) (?:--?\S+ )*(install|create|(?:env )(?:create|update))(?: |$)"
)
_IN_CONDA = re.compile(r"\S*(?:conda|mamba|micromamba) run (?:--?\S+ )*?(?:-[np] \S+ )?(?:--?[a-z-]+ )*")
# Options of pip and conda that are followed by a value, and mean nothing here.
_VALUED = {
    "-n", "--name", "-p", "--prefix", "-c", "--channel", "--timeout", "--retries", "--target", "-t", "--root",
    "--cache-dir", "--progress-bar", "--python", "--trusted-host", "--solver",
}  # fmt: skip
_PIP_OPTIONS = {"-i", "--index-url", "--extra-index-url", "-f", "--find-links"}
# Instructions that say nothing of packages.
_SILENT = {"CMD", "ENTRYPOINT", "EXPOSE", "LABEL", "MAINTAINER", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}


@dataclass
class Image:
    """`base` is the image from which the last stage starts. `wanted.notes` say what was left out."""

    base: str = ""
    wanted: Wanted = field(default_factory=Wanted)


def read_dockerfile(text: str, read_file: ReadFile, source_name: str = "Dockerfile") -> Image:
    """Read the packages that a Dockerfile installs.

    `read_file` answers the text of a file of the build context, None for one that there is not. Raises Invalid with
    the lines of what cannot be installed without building the image.
    """
    reader = _Reader(read_file, Problems(Document(None, source_name)))
    for line, instruction, rest in _instructions(text):
        reader.take(line, instruction, rest)
    if not reader.image.base:
        raise Invalid(f"{source_name}: it has no FROM, so it is no Dockerfile.", target="build.dockerfile_path")
    reader.problems.raise_found()
    return reader.image


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Each with the number of its first line; what is continued with a backslash is one."""
    whole, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        whole, first = f"{whole} {line.strip()}".strip(), first or number
        if whole.endswith("\\"):
            whole = whole[:-1].rstrip()
            continue
        instruction, _, rest = whole.partition(" ")
        yield first, instruction.upper(), rest.strip()
        whole, first = "", 0


class _Reader:
    def __init__(self, read_file: ReadFile, problems: Problems) -> None:
        self.read_file = read_file
        self.problems = problems
        self.image = Image()
        self.stages: dict[str, Image] = {}
        self.variables: dict[str, str] = {}

    def take(self, line: int, instruction: str, rest: str) -> None:
        rest = self._substituted(rest)
        # Problems are told with the line of the instruction that is being read.
        self.problems.document.places[(RUN, False)] = (line, 1)
        match instruction:
            case "FROM":
                self._start(rest)
            case "ARG" | "ENV":
                self._remember(instruction, rest)
            case "RUN":
                self._run(line, rest)
            case "COPY" | "ADD":
                if not self._is_requirements(rest):
                    self._note(f"Line {line}: files that {instruction} puts into the image are left out.")
            case _ if instruction not in _SILENT:
                self._note(f"Line {line}: {instruction} is left out.")

    def _substituted(self, text: str) -> str:
        return _VARIABLE.sub(lambda found: self.variables.get(found[1] or found[3], found[2] or found[0]), text)

    def _start(self, rest: str) -> None:
        """A stage that starts from another one has its packages."""
        words = [word for word in rest.split() if not word.startswith("--")]
        before = self.stages.get(words[0].lower()) if words else None
        base = before.base if before else (words[0] if words else "")
        wanted = before.wanted if before else Wanted()
        self.image = Image(
            base, Wanted([*wanted.requirements], [*wanted.options], wanted.python_version, [*wanted.notes])
        )
        if len(words) == 3 and words[1].lower() == "as":
            self.stages[words[2].lower()] = self.image

    def _remember(self, instruction: str, rest: str) -> None:
        pairs = _words(rest)
        if instruction == "ENV" and pairs and "=" not in pairs[0]:
            name, _, value = rest.partition(" ")
            pairs = [f"{name}={value.strip()}"]
        for pair in pairs:
            name, is_set, value = pair.partition("=")
            if is_set:
                self.variables[name] = value

    def _is_requirements(self, rest: str) -> bool:
        return any(re.search(r"\.(txt|ya?ml)$", word) for word in rest.split())

    def _run(self, line: int, rest: str) -> None:
        rest = re.sub(r"^(?:--\S+ )+", "", rest)
        for command in re.split(r"&&|;|\|\||\|", rest):
            command = _IN_CONDA.sub("", " ".join(command.split()))
            if found := _PIP.match(command):
                self._pip(_words(command[found.end() :]))
            elif found := _CONDA.match(command):
                self._conda(found[1], _words(command[found.end() :]))
            elif command and not re.match(
                r"(?:rm|echo|mkdir|cd|set|export|find|true|\S*conda clean|\S*conda init)\b", command
            ):
                self._note(f"Line {line}: `{command[:80]}` is left out: only what pip and conda install is read.")

    def _pip(self, words: list[str]) -> None:
        lines, rest = [], iter(words)
        for word in rest:
            name, is_set, value = word.partition("=")
            if name in ("-r", "--requirement"):
                lines += self._requirements(value if is_set else next(rest, ""))
            elif word in ("-e", "--editable", ".", "./"):
                if word.startswith("-"):
                    next(rest, None)
                self._wrong("installs a package of your own from the build context; put it into `code` instead.")
            elif name in _PIP_OPTIONS:
                lines.append(f"{name} {value if is_set else next(rest, '')}")
            elif word.startswith("-"):
                if name in _VALUED and not is_set:
                    next(rest, None)
            elif word not in ("pip", "setuptools", "wheel"):
                lines.append(word)
        read_pip(lines, self.image.wanted, self.problems, RUN)

    def _conda(self, verb: str, words: list[str]) -> None:
        rest = iter(words)
        for word in rest:
            name, is_set, value = word.partition("=")
            if name in ("-f", "--file") and verb != "create":
                self._conda_file(value if is_set else next(rest, ""))
            elif word.startswith("-"):
                if name in _VALUED and not is_set:
                    next(rest, None)
            elif not take_conda(word, self.image.wanted):
                self._wrong(f"asks conda for {word!r}, which is no package.")

    def _conda_file(self, name: str) -> None:
        text = self._file(name)
        if text is None:
            return
        found = read_conda(Problems(Document(None, name)), definition_of(text, name))
        wanted = self.image.wanted
        wanted.requirements += found.requirements
        wanted.options += found.options
        wanted.notes += found.notes
        wanted.python_version = found.python_version or wanted.python_version

    def _requirements(self, name: str) -> list[str]:
        text = self._file(name)
        return [] if text is None else [item.strip() for item in text.splitlines() if item.strip()]

    def _file(self, name: str) -> str | None:
        text = self.read_file(name)
        if text is None:
            self._wrong(f"names {name!r}, which is not in the build context.")
        return text

    def _wrong(self, text: str) -> None:
        self.problems.add(RUN, f"it {text}")

    def _note(self, text: str) -> None:
        self.image.wanted.notes.append(text)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()
