"""Job files of Azure ML CLI v2: read, checked and normalised, with no database and no HTTP."""

from app.jobs.specification.command import CommandJob
from app.jobs.specification.expressions import render_command
from app.jobs.specification.loading import load_command_job
from app.jobs.specification.names import generate_name
from app.jobs.specification.ports import Input, Output
from app.jobs.specification.uploads import local_paths, with_uploads

__all__ = [
    "CommandJob",
    "Input",
    "Output",
    "generate_name",
    "load_command_job",
    "local_paths",
    "render_command",
    "with_uploads",
]
