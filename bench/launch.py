"""How long from submit to the user's first line, beside `python script.py` started bare.

Both run the same script, which imports torch and prints the time; both are timed from the moment
before the request or the start of the process to the time that the script printed. They take turns,
so that a busy machine slows both. Run it with `make bench`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from io import BytesIO
from pathlib import Path

import httpx

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from tests.live.conftest import Server, start, stop  # noqa: E402

SCRIPT = "import time\nimport torch\nprint(time.time(), torch.__version__, flush=True)\n"
JOB = "command: python script.py\ncode: ./src\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    python = Path((PROJECT / ".environments" / ".curated").read_text().strip())
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "script.py")
        script.write_text(SCRIPT)
        server = start(Path(folder, "home"))
        try:
            report(*measure(server, python, script, rounds))
        finally:
            stop(server)


def measure(server: Server, python: Path, script: Path, rounds: int) -> tuple[float, list[float], list[float]]:
    """Seconds of the first job, of the warm jobs, and of the bare starts."""
    code = upload(server.client, script)
    bare(python, script)
    cold = job(server, code)
    time.sleep(8)
    warm, alone = [], []
    for _ in range(rounds):
        warm.append(job(server, code))
        alone.append(bare(python, script))
    return cold, warm, alone


def upload(client: httpx.Client, script: Path) -> str:
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(script, "src/script.py")
    return client.post("/api/uploads", content=packed.getvalue()).json()["uri"]


def job(server: Server, code: str) -> float:
    started = time.time()
    name = server.submit(JOB, **{"./src": code})["name"]
    server.wait_for(name)
    return float(server.log(name).split()[0]) - started


def bare(python: Path, script: Path) -> float:
    environ = {"PATH": os.environ["PATH"]}
    started = time.time()
    answer = subprocess.run([python, script], capture_output=True, text=True, env=environ, check=True)
    return float(answer.stdout.split()[0]) - started


def report(cold: float, warm: list[float], alone: list[float]) -> None:
    ours, theirs = statistics.median(warm), statistics.median(alone)
    print(f"bare `python script.py`  median {theirs:.3f} s  ({min(alone):.3f} to {max(alone):.3f})")
    print(f"Atelier, warm            median {ours:.3f} s  ({min(warm):.3f} to {max(warm):.3f})")
    print(f"Atelier, first job       {cold:.3f} s")
    print(f"ratio {ours / theirs:.2f}  (goal: at most 0.30)")


if __name__ == "__main__":
    main()
