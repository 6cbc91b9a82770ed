"""What a conda file asks for, as pip requirements."""

import re
from dataclasses import dataclass, field
from typing import Any

from app.errors import Invalid

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


@dataclass
class Wanted:
    """`notes` say what was left out or taken differently."""

    requirements: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    python_version: str | None = None
    notes: list[str] = field(default_factory=list)


def read_conda(definition: Any, where: str = "environment.conda_file") -> Wanted:
    """Read a conda file; raises Invalid that names the entry which cannot be installed."""
    if not isinstance(definition, dict):
        raise Invalid(
            f"{where}: {definition!r} is no conda definition; give a mapping with `dependencies`.", target=where
        )
    dependencies = definition.get("dependencies")
    if not isinstance(dependencies, list):
        raise Invalid(
            f"{where}.dependencies: it must be a list of packages, such as [python=3.11, pip, {{pip: [mlflow]}}].",
            target=where,
        )
    wanted = Wanted()
    for index, entry in enumerate(dependencies):
        field_name = f"{where}.dependencies[{index}]"
        if isinstance(entry, dict):
            _pip_section(entry, wanted, field_name)
        else:
            _conda_package(str(entry), wanted, field_name)
    return wanted


def _pip_section(entry: dict, wanted: Wanted, where: str) -> None:
    if set(entry) != {"pip"} or not isinstance(entry["pip"] or [], list):
        raise Invalid(
            f"{where}: only `pip:` with a list of packages may stand here, not {sorted(map(str, entry))}.", target=where
        )
    for index, line in enumerate(entry["pip"] or []):
        _pip_line(str(line).strip(), wanted, f"{where}.pip[{index}]")


def _pip_line(line: str, wanted: Wanted, where: str) -> None:
    if line.startswith("-"):
        name, _, value = line.replace("=", " ", 1).partition(" ")
        if name not in OPTIONS:
            raise Invalid(
                f"{where}: {line!r} is not taken here; list packages, or one of {', '.join(OPTIONS)}.", target=where
            )
        wanted.options += [name, value.strip()] if value.strip() else [name]
        return
    requirement = re.sub(r"\s+#.*", "", line)
    if requirement and not requirement.startswith("#"):
        if re.match(r"[./]", requirement) or "file:" in requirement:
            raise Invalid(
                f"{where}: {line!r} is a path on your machine; give a package that an index has.", target=where
            )
        wanted.requirements.append(requirement)


def _conda_package(text: str, wanted: Wanted, where: str) -> None:
    found = _SPEC.fullmatch(text.strip())
    if not found:
        raise Invalid(f"{where}: {text!r} is no package; write it as name, name=1.2 or name>=1.2.", target=where)
    name, version = found[1].lower(), _pip_version((found[3] or "").strip())
    if name == "python":
        wanted.python_version = ".".join(re.findall(r"\d+", version)[:2]) or None
    elif name in NOT_ON_PYPI:
        if name != "pip":
            wanted.notes.append(f"{text} is left out: PyPI's packages bring what they need of it.")
    else:
        wanted.requirements.append(f"{PYPI_NAMES.get(name, name)}{found[2] or ''}{version}")


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
