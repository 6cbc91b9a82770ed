"""Where the files of a job lie in the artifact store."""

from app.jobs.tables import Job

USER_LOG = "user_logs/std_log.txt"
ARTIFACTS = "artifacts"
SYSTEM_LOG = "system_logs/worker.txt"


def workspace_root(job: Job) -> str:
    return f"workspaces/{job.workspace_id}"


def folder_key(workspace_id: int, name: str) -> str:
    """Where the logs and outputs of a job lie."""
    return f"workspaces/{workspace_id}/jobs/{name}"


def log_key(job: Job, file: str = USER_LOG) -> str:
    return f"{folder_key(job.workspace_id, job.name)}/logs/{file}"


def progress_key(workspace_id: int, name: str) -> str:
    """Where the file lies that says how far a parallel step is."""
    return f"{folder_key(workspace_id, name)}/parallel/progress.json"


def journals_key(workspace_id: int, name: str) -> str:
    """Where the rows of a parallel step are kept while it runs, by attempt."""
    return f"{folder_key(workspace_id, name)}/parallel/journals"


def output_path(job: Job, output: str) -> str:
    """Relative to the workspace's store. An output may lie with the `job` that wrote it, under its name there."""
    written = job.outputs.get(output) or {}
    return f"jobs/{written.get('job', job.name)}/outputs/{written.get('output', output)}"


def output_key(job: Job, output: str) -> str:
    return f"{workspace_root(job)}/{output_path(job, output)}"


def holds_artifacts(job: Job, output: str) -> bool:
    """Whether an output is Azure ML's name for the artifacts of the run, as the job declares none of that name."""
    return output == ARTIFACTS and ARTIFACTS not in job.outputs


def written_by(name: str, outputs: dict, output: str) -> dict[str, str]:
    """Where an output of the job `name` lies, for another job that leaves it too, with the digest of its content."""
    written = outputs.get(output) or {}
    place = {"job": written.get("job", name), "output": written.get("output", output)}
    return place | ({"digest": written["digest"]} if "digest" in written else {})


def artifact_key(job: Job) -> str:
    """Where MLflow's artifacts of the run lie."""
    return f"{workspace_root(job)}/tracking/{job.files_folder}/{job.name}/artifacts"
