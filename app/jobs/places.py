"""Where the files of a job lie in the artifact store."""

from app.jobs.tables import Job

USER_LOG = "user_logs/std_log.txt"
SYSTEM_LOG = "system_logs/worker.txt"


def workspace_root(job: Job) -> str:
    return f"workspaces/{job.workspace_id}"


def log_key(job: Job, file: str = USER_LOG) -> str:
    return f"{workspace_root(job)}/jobs/{job.name}/logs/{file}"


def output_path(job: Job, output: str) -> str:
    """Relative to the workspace's store."""
    return f"jobs/{job.name}/outputs/{output}"


def output_key(job: Job, output: str) -> str:
    return f"{workspace_root(job)}/{output_path(job, output)}"


def artifact_key(job: Job) -> str:
    """Where MLflow's artifacts of the run lie."""
    return f"{workspace_root(job)}/tracking/{job.experiment_id}/{job.name}/artifacts"
