"""The GPUs of this machine, as NVIDIA's own tool lists them."""

import shutil
import subprocess

QUERY = "--query-gpu=index,name,memory.total"


def find_gpus() -> list[dict]:
    """`[{"index": 0, "name": "NVIDIA H100", "memory_mb": 81559}]`, empty where there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    return [{"index": int(index), "name": name, "memory_mb": int(memory)} for index, name, memory in _rows(tool, QUERY)]


def use_by_process() -> dict[int, tuple[float, int]]:
    """By process id: the utilization in percent of the GPU that it is on, and the bytes that it has there."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return {}
    percents = dict(_rows(tool, "--query-gpu=uuid,utilization.gpu"))
    return {
        int(pid): (float(percents[gpu]), int(memory) * 2**20)
        for pid, gpu, memory in _rows(tool, "--query-compute-apps=pid,gpu_uuid,used_memory")
        # What the driver does not tell, as in some containers, is written in words.
        if pid.isdigit() and memory.isdigit() and percents.get(gpu, "").isdigit()
    }


def _rows(tool: str, query: str) -> list[list[str]]:
    command = [tool, query, "--format=csv,noheader,nounits"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    width = query.count(",") + 1
    rows = [[word.strip() for word in line.split(",")] for line in answer.stdout.splitlines()]
    return [row for row in rows if len(row) == width]
