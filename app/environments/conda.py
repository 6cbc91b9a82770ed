"""What a conda file or a list of pip requirements asks for, as pip requirements."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.kit.documents import Document, Path, dotted, read
from app.kit.sections import Problems, kind_of

# Packages that are called differently on PyPI.
PYPI_NAMES = {
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "tensorflow-gpu": "tensorflow",
    "py-xgboost": "xgboost",
    "matplotlib-base": "matplotlib",
    "opencv": "opencv-python-headless",
    "pillow-simd": "pillow",
    "pytables": "tables",
    "dask-core": "dask",
    "msgpack-python": "msgpack",
    "ruamel_yaml": "ruamel.yaml",
    "faiss-cpu": "faiss-cpu",
    "huggingface_hub": "huggingface-hub",
    "python-graphviz": "graphviz",
    "pyqt": "PyQt5",
    "py-lightgbm": "lightgbm",
}
# What a wheel brings along by itself, and what only conda has.
NOT_ON_PYPI = {
    "pip",
    "cudatoolkit",
    "cudnn",
    "pytorch-cuda",
    "cpuonly",
    "cuda",
    "cuda-toolkit",
    "mkl",
    "mkl-service",
    "openssl",
    "libgcc",
    "libgcc-ng",
    "libstdcxx-ng",
    "libgomp",
    "libffi",
    "zlib",
    "readline",
    "sqlite",
    "tk",
    "xz",
    "ca-certificates",
    "blas",
    "libblas",
    "libopenblas",
    "nomkl",
    "gcc",
    "gxx",
    "gxx_linux-64",
    "gcc_linux-64",
    "ncurses",
    "bzip2",
    "nccl",
    "git",
    "make",
}
OPTIONS = ("--index-url", "-i", "--extra-index-url", "--find-links", "-f", "--pre")
_SPEC = re.compile(r"(?:[\w./-]+::)?([A-Za-z0-9_.-]+?)(\[[^\]]*\])?\s*((?:[=<>!~]|\s+\d).*)?")
# PEP 508 in what people write: name[extras] with versions, a marker, or an address.
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*(?:\(?(?:[=<>!~]=?=?\s*[\w.*+!-]+\s*,?\s*)*\)?)?\s*(?:;.+)?"
    r"|[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?\s*@\s*\S+(?:\s*;.+)?|(?:git\+|https?://)\S+"
)


@dataclass
class Wanted:
    """`notes` say what was left out or taken differently."""

    requirements: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    python_version: str | None = None
    notes: list[str] = field(default_factory=list)


def definition_of(source: str | Mapping[str, Any], source_name: str = "conda.yml") -> dict[str, Any]:
    """A conda definition from the text of a conda file, or of a requirements file, which becomes its `pip:`.

    Raises Invalid that says with line and column everything that cannot be installed.
    """
    if isinstance(source, str) and (source_name.endswith(".txt") or _is_list(source)):
        return _requirements(source, source_name)
    document = read(source, source_name)
    problems = Problems(document)
    read_conda(problems, document.value)
    problems.raise_found()
    return document.value


def _requirements(text: str, source_name: str) -> dict[str, Any]:
    numbered = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if _says(line)]
    document = Document(None, source_name)
    document.places = {(("requirements", index), False): (number, 1) for index, (number, _) in enumerate(numbered)}
    lines, problems = [line for _, line in numbered], Problems(document)
    read_pip(lines, Wanted(), problems, ("requirements",))
    problems.raise_found()
    return {"dependencies": ["pip", {"pip": lines}]}


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.strip().startswith("#")


def _is_list(text: str) -> bool:
    """Requirements, and not YAML that is merely wrong: no line that says anything is `name: …` or a list's item."""
    said = [line.strip() for line in text.splitlines() if _says(line)]
    return bool(said) and not any(re.match(r"[\w.$-]+\s*:(\s|$)|- |[{\[]", line) for line in said)


def read_conda(problems: Problems, definition: Any, path: Path = ()) -> Wanted:
    """Notes every entry that cannot be installed in `problems`; `path` is where the definition stands."""
    wanted = Wanted()
    name = dotted(path) or "the file"
    if not isinstance(definition, dict):
        problems.add(
            path,
            f"`{name}` is {kind_of(definition)} and no conda definition; give a mapping with "
            "`dependencies`, or pip requirements, one a line.",
        )
        return wanted
    dependencies = definition.get("dependencies")
    if not isinstance(dependencies, list):
        problems.add(
            (*path, "dependencies"),
            f"`{dotted((*path, 'dependencies'))}` must be a list of packages, such as [python=3.11, pip, "
            "{pip: [mlflow]}].",
        )
        return wanted
    for index, entry in enumerate(dependencies):
        at = (*path, "dependencies", index)
        if isinstance(entry, dict):
            _pip_section(entry, wanted, problems, at)
        else:
            _conda_package(str(entry), wanted, problems, at)
    return wanted


def read_pip(lines: Iterable[str], wanted: Wanted, problems: Problems, path: Path) -> None:
    """pip's requirements, as they stand in a `pip:` list, a requirements file or on its command line."""
    for index, line in enumerate(lines):
        _pip_line(str(line).strip(), wanted, problems, (*path, index))


def _pip_section(entry: dict, wanted: Wanted, problems: Problems, path: Path) -> None:
    if set(entry) != {"pip"} or not isinstance(entry["pip"] or [], list):
        found = ", ".join(sorted(map(str, entry)))
        problems.add(path, f"`{dotted(path)}`: only `pip:` with a list of packages may stand here, not {found}.")
        return
    read_pip(entry["pip"] or [], wanted, problems, (*path, "pip"))


def _pip_line(line: str, wanted: Wanted, problems: Problems, path: Path) -> None:
    if line.startswith("-"):
        name, _, value = line.replace("=", " ", 1).partition(" ")
        if name in ("-r", "--requirement", "-c", "--constraint"):
            problems.add(
                path,
                f"`{dotted(path)}`: {line!r} names another file, which is not here; list its lines, or send it by the "
                "command line, which takes the file along.",
            )
        elif name not in OPTIONS:
            problems.add(
                path, f"`{dotted(path)}`: {line!r} is not taken here; list packages, or one of {', '.join(OPTIONS)}."
            )
        else:
            wanted.options += [name, value.strip()] if value.strip() else [name]
        return
    requirement = re.sub(r"\s+#.*", "", line)
    if not requirement or requirement.startswith("#"):
        return
    if re.match(r"[./]", requirement) or "file:" in requirement:
        problems.add(path, f"`{dotted(path)}`: {line!r} is a path on your machine; give a package that an index has.")
    elif not _REQUIREMENT.fullmatch(requirement):
        problems.add(path, f"`{dotted(path)}`: {line!r} is no requirement; write it as name, name==1.2 or name>=1.2.")
    else:
        wanted.requirements.append(requirement)


def _conda_package(text: str, wanted: Wanted, problems: Problems, path: Path) -> None:
    if not take_conda(text, wanted):
        problems.add(path, f"`{dotted(path)}`: {text!r} is no package; write it as name, name=1.2 or name>=1.2.")


def take_conda(text: str, wanted: Wanted) -> bool:
    """Add a package that is written as conda does; False for text that is none."""
    found = _SPEC.fullmatch(text.strip())
    if not found:
        return False
    name, version = found[1].lower(), _pip_version((found[3] or "").strip())
    if name == "python":
        wanted.python_version = ".".join(re.findall(r"\d+", version)[:2]) or None
    elif name not in NOT_ON_PYPI:
        wanted.requirements.append(f"{PYPI_NAMES.get(name, name)}{found[2] or ''}{version}")
    elif name != "pip":
        wanted.notes.append(f"{text} is left out: PyPI's packages bring what they need of it.")
    return True


def _pip_version(text: str) -> str:
    """Conda's version as pip writes it: `=1.2` is 1.2 and what follows it, `=1.2=build` exactly 1.2."""
    if not text:
        return ""
    if text[0].isdigit():
        text = f"={text}"
    if re.match(r"=[^=]", text):
        version, _, build = text[1:].partition("=")
        version = version.strip().rstrip("*").rstrip(".")
        return f"=={version}" if build and build != "*" else f"=={version}.*"
    return text.replace(" ", "")
