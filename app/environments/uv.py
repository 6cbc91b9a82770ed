"""Calls uv as this machine's pip is configured, and passes on what it prints."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

TORCH = re.compile(r"(?:torch|torchvision|torchaudio)(?![A-Za-z0-9_.-])")
_LISTS = {"find-links": "--find-links", "extra-index-url": "--extra-index-url"}


def binary() -> str:
    """uv next to this interpreter, else on the path."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else "uv"


def base_python() -> str:
    """The interpreter under this virtual environment, which outlives it."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (Path(sys.base_prefix, "bin", name), Path(sys.base_prefix, "bin", "python3")):
        if candidate.exists():
            return str(candidate)
    return sys.executable


# A build runs code of the packages, so it gets what installing needs of the environment and no secret.
KEPT = re.compile(
    r"(?i)PATH|HOME|LANG|LC_.*|TMPDIR|PIP_.*|UV_.*|SSL_CERT_.*|.*_CA_BUNDLE|(?:https?|all|no)_proxy|CC|CXX"
)


def run(
    arguments: list[str],
    log: Callable[[str], None],
    fence: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> tuple[int, list[str]]:
    """Run uv; each line that it prints goes to `log` at once. Returns its exit status and its lines.

    `fence` is put before the command: it runs it where it can read and write less. `environ` is added.
    """
    kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    quiet = {"NO_COLOR": "1", "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}
    lines: list[str] = []
    process = subprocess.Popen(
        [*fence, binary(), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env=kept | quiet | dict(environ or {}),
    )
    try:
        for line in process.stdout:
            lines.append(line.rstrip())
            log(line.rstrip())
        return process.wait(), lines
    finally:
        if process.poll() is None:
            process.kill()
        process.stdout.close()
        process.wait()


def index_options(requirements: tuple[str, ...]) -> list[str]:
    """Where packages come from: pip's own configuration, and PyTorch's index where torch is asked for."""
    config = _pip_config()
    options = []
    for name, option in _LISTS.items():
        for place in dict.fromkeys(" ".join(config.get(name, [])).split()):
            if _exists(place):
                options += [option, place]
    if index := config.get("index-url"):
        options += ["--index-url", index[-1]]
    if "--extra-index-url" in options:
        # As pip does: the best version wins, whichever index has it.
        options += ["--index-strategy", "unsafe-best-match"]
    wants_torch = any(TORCH.match(requirement) for requirement in requirements)
    if wants_torch and not _has_torch(config.get("find-links", [])):
        is_for_cpu = any("+cpu" in requirement for requirement in requirements)
        options += ["--torch-backend", "cpu" if is_for_cpu else "auto"]
    return options


def remote_index_options() -> list[tuple[str, str]]:
    """Where packages come from over the network, as options and their values."""
    words = index_options(())
    pairs = zip(words[::2], words[1::2], strict=True)
    return [(name, value) for name, value in pairs if name != "--find-links"]


def path() -> Path:
    """The file of uv; raises FileNotFoundError where it is nowhere."""
    found = shutil.which(binary())
    if found is None:
        raise FileNotFoundError("uv is neither beside this Python nor on the path")
    return Path(found)


def _pip_config() -> dict[str, list[str]]:
    """`pip config list` of the interpreter that has pip, least important first."""
    try:
        answer = subprocess.run(
            [base_python(), "-m", "pip", "config", "list"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return _of_environment()
    found: dict[str, list[str]] = {}
    for name, value in _entries(answer.stdout):
        found.setdefault(name, []).append(value)
    return found or _of_environment()


def _entries(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, _, value = line.partition("=")
        try:
            yield name.rpartition(".")[2], str(ast.literal_eval(value))
        except (ValueError, SyntaxError):
            continue


def _of_environment() -> dict[str, list[str]]:
    names = {"find-links": "PIP_FIND_LINKS", "extra-index-url": "PIP_EXTRA_INDEX_URL", "index-url": "PIP_INDEX_URL"}
    return {name: [os.environ[variable]] for name, variable in names.items() if os.environ.get(variable)}


def _exists(place: str) -> bool:
    """A folder that a configuration names need not be on this machine."""
    parts = urlsplit(place)
    if parts.scheme in ("", "file"):
        return Path(parts.path).is_dir()
    return True


def _has_torch(find_links: list[str]) -> bool:
    folders = (Path(urlsplit(place).path) for place in " ".join(find_links).split())
    return any(any(folder.glob("torch-*.whl")) for folder in folders if folder.is_dir())
