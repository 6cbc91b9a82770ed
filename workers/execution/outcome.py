"""How a guest ended, in one sentence for its user."""

import re
import signal
from dataclasses import dataclass
from pathlib import Path

TAIL_BYTES = 64 * 1024
EXCEPTION = re.compile(
    r"^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Exit|Interrupt|Warning|Failure|Timeout)\b.*"
)
TRACEBACK = "Traceback (most recent call last):"
FROM_SHELL = {
    125: "the container could not be started",
    126: "the command cannot be executed",
    127: "the command was not found",
}


@dataclass(frozen=True)
class Outcome:
    """`cause`: exited, signal, timeout, canceled, memory, disk, processes, log, lost, or container
    where what ran it gave it up.

    `message` is None after exit code 0.
    """

    exit_code: int | None
    cause: str
    message: str | None


def describe(said: dict, limits, log_path: Path) -> Outcome:
    """From what the supervisor said to what the user reads."""
    cause, code = said["cause"], said["exit_code"]
    if cause == "exited":
        return Outcome(code, cause, _exited(code, limits, log_path) if code else None)
    return Outcome(code, cause, _sentences(said, limits)[cause])


def _sentences(said: dict, limits) -> dict[str, str]:
    amount = said["amount"] if isinstance(said["amount"], int | float) else 0
    return {
        "signal": _signal(said["signal"]),
        "timeout": f"The job ran longer than its timeout of {amount:.0f} seconds.",
        "canceled": "The job was canceled.",
        "memory": _memory(amount, limits.memory_bytes),
        "disk": f"The job wrote {_size(amount)} into its folder; its limit of disk is {_size(limits.disk_bytes)}.",
        "processes": f"The job had {amount} processes; its limit is {limits.processes} processes.",
        "log": f"The job's log could not be written: {said['amount']}.",
        "lost": "The job's supervisor was killed.",
        "container": str(said["amount"]),
    }


def _memory(used: float, limit: int | None) -> str:
    if limit and used <= limit:
        return f"The job asked for more memory than its limit of {_size(limit)}."
    return f"The job used {_size(used)} of memory; its limit is {_size(limit)}."


def _signal(number: int | None) -> str:
    if number is None:
        return "The process was killed."
    name = signal.strsignal(number) or "unknown"
    return f"The process was killed by signal {number} ({name.lower()})."


def _exited(code: int, limits, log_path: Path) -> str:
    found = last_exception(log_path)
    if found and found.startswith("MemoryError") and limits.memory_bytes:
        return (
            f"The process asked for more memory than its limit of {_size(limits.memory_bytes)} ({found.strip(': ')})."
        )
    if found and "[Errno 27]" in found and limits.disk_bytes:
        return f"Exit code {code}: a file would be larger than the job's limit of disk, {_size(limits.disk_bytes)}."
    if found:
        return f"Exit code {code}: {found}"
    if code > 128 and code - 128 in signal.Signals.__members__.values():
        return f"Exit code {code}: {_signal(code - 128)}"
    return f"Exit code {code}: {FROM_SHELL.get(code, 'the command failed')}."


def last_exception(log_path: Path) -> str | None:
    """The line of the last exception that a log shows, such as `ValueError: x must be positive`."""
    if not log_path.is_file():
        return None
    with log_path.open("rb") as file:
        file.seek(max(0, log_path.stat().st_size - TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    if TRACEBACK in lines:
        lines = lines[len(lines) - lines[::-1].index(TRACEBACK) :]
        found = (line for line in lines if line and not line[0].isspace())
    else:
        # A syntax error is shown without a traceback.
        found = (line for line in reversed(lines[-5:]) if EXCEPTION.match(line))
    return next((line.strip()[:500] for line in found), None)


def _size(count: int | None) -> str:
    value = float(count or 0)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}".replace(".0 ", " ")
        value /= 1000
    return ""
