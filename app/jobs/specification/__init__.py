"""Job files of Azure ML CLI v2: read, checked and normalised, with no database and no HTTP."""

from app.jobs.specification.command import CommandJob
from app.jobs.specification.component import Component
from app.jobs.specification.expressions import render_command
from app.jobs.specification.interface import job_file
from app.jobs.specification.loading import check_steps, load_command_job, load_component
from app.jobs.specification.local_files import is_local
from app.jobs.specification.names import generate_name
from app.jobs.specification.pipeline import PipelineJob
from app.jobs.specification.pipeline_component import PipelineComponent
from app.jobs.specification.ports import Input, Output, Port
from app.jobs.specification.public_keys import public_keys
from app.jobs.specification.resources import gpus_of
from app.jobs.specification.uploads import component_with_uploads, local_paths, with_uploads

__all__ = [
    "CommandJob",
    "Component",
    "Input",
    "Output",
    "PipelineComponent",
    "PipelineJob",
    "Port",
    "check_steps",
    "component_with_uploads",
    "generate_name",
    "gpus_of",
    "is_local",
    "job_file",
    "load_command_job",
    "load_component",
    "local_paths",
    "public_keys",
    "render_command",
    "with_uploads",
]
