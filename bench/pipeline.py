"""What a pipeline adds to its users' code: a line of trivial steps, each of which waits for the one before.

Each step writes when its code began and ended. The overhead of a step is the time between the end of the code of
one and the begin of the code of the next, which holds everything: noticing the end, storing the output, starting
the next step and laying out its folder. Run it with `make bench`, or alone with `--steps 20`.
"""

import argparse
import statistics
import sys
import tarfile
import tempfile
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import httpx
import yaml

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from tests.live.conftest import Server, start, stop, wait_until  # noqa: E402

SCRIPT = """\
import sys, time
began = time.time()
with open(sys.argv[1] + "/value.txt", "w") as file:
    file.write("1")
print("times", began, time.time(), flush=True)
"""
LIMIT_MS = 100.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100)
    steps = parser.parse_args().steps
    with tempfile.TemporaryDirectory() as folder:
        server = start(Path(folder, "home"))
        try:
            code = upload(server.client)
            # The first job of an environment makes its warm process.
            run(server, line("first", 3, code))
            wait_until(lambda: "is warm after" in log_of_worker(Path(folder, "home")), 180)
            report(*run(server, line("measured", steps, code)))
            seconds = run(server, line("again", steps, code))[1]
            print(f"the same line once more, all of it taken over: {seconds:.2f} s")
        finally:
            stop(server)


def log_of_worker(home: Path) -> str:
    return (home / "logs" / "worker.log").read_text()


def line(name: str, steps: int, code: str) -> dict:
    """A pipeline of so many steps; the first is told apart by the pipeline's name, so that it is run."""
    jobs = {}
    for number in range(steps):
        inputs = {"before": f"${{{{parent.jobs.s{number - 1}.outputs.out}}}}"} if number else {}
        jobs[f"s{number}"] = {
            "command": "python step.py ${{outputs.out}}",
            "code": code,
            "inputs": inputs,
            "outputs": {"out": {"type": "uri_folder"}},
            "environment_variables": {"LINE": "first" if name == "first" else "measured", "STEP": str(number)},
        }
    return {"type": "pipeline", "name": name, "jobs": jobs}


def upload(client: httpx.Client) -> str:
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("src/step.py")
        member.size = len(SCRIPT)
        archive.addfile(member, BytesIO(SCRIPT.encode()))
    headers = {"Content-Type": "application/gzip"}
    answer = client.post("/api/uploads", content=packed.getvalue(), headers=headers)
    answer.raise_for_status()
    return answer.json()["uri"]


def run(server: Server, definition: dict) -> tuple[list[tuple[float, float]], float]:
    """When the code of each step began and ended, of those that were run; and the seconds of the whole."""
    name = server.submit(yaml.safe_dump(definition, sort_keys=False))["name"]
    job = server.wait_for(name, seconds=600)
    assert job["status"] == "Completed", job["error"]
    times = []
    for node in server.client.get(f"/api/jobs/{name}/graph").json()["nodes"]:
        if node["reused_from"] is None:
            _, began, ended = server.log(node["job"]).split()[-3:]
            times.append((float(began), float(ended)))
    return times, job["duration_seconds"]


def report(times: list[tuple[float, float]], seconds: float) -> None:
    gaps = [(following[0] - before[1]) * 1000 for before, following in pairwise(times)]
    mean = statistics.mean(gaps)
    print(f"{len(times)} steps in {seconds:.2f} s")
    print(
        f"overhead of a step: mean {mean:.0f} ms, median {statistics.median(gaps):.0f} ms, "
        f"95th percentile {statistics.quantiles(gaps, n=20)[-1]:.0f} ms (limit: mean {LIMIT_MS:.0f} ms)"
    )


if __name__ == "__main__":
    main()
