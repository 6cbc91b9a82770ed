"""Pipelines as they look over REST."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.jobs.tables import Job
from app.pipelines import queries
from app.pipelines.queries import Started


class ComponentName(BaseModel):
    name: str
    version: str

    @classmethod
    def of(cls, reference: str | None) -> "ComponentName | None":
        if reference is None:
            return None
        name, version = reference.removeprefix("azureml:").split(":")
        return cls(name=name, version=version)


class Node(BaseModel):
    id: str
    job: str | None = Field(description="The job that runs the step, once it is started.")
    type: str
    display_name: str
    status: str = Field(description="That of the job; before it, NotStarted or Skipped.")
    reason: str | None = Field(description="What the step waits for, or why it is skipped.")
    reused_from: str | None = Field(description="The job whose outputs were taken over.")
    created: datetime | None
    started: datetime | None
    ended: datetime | None
    component: ComponentName | None


class Edge(BaseModel):
    """`from` is a step, or `inputs` of the pipeline; `to` a step, or `outputs` of the pipeline."""

    source: str = Field(serialization_alias="from")
    output: str
    target: str = Field(serialization_alias="to")
    input: str


class DifferenceRead(BaseModel):
    """A part of a step, such as `code` or `inputs.data`; null where a step has no such part."""

    model_config = ConfigDict(from_attributes=True)

    part: str
    before: str | None
    now: str | None


class ReuseRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    reused_from: str | None
    reason: str
    compared_with: str | None = Field(description="The nearest earlier run of the step.")
    differences: list[DifferenceRead]


class Graph(BaseModel):
    nodes: list[Node]
    edges: list[Edge]
    inputs: list[str]
    outputs: list[str]

    @classmethod
    def of(cls, pipeline: Job, jobs: dict[str, Started]) -> "Graph":
        steps = queries.steps_of(pipeline)
        now = queries.progress_of(pipeline, jobs)
        reasons = {**now.waiting, **now.skipped}
        shown = queries.display_names(pipeline)
        nodes = [
            _node(name, step, jobs.get(name), shown[name], reasons.get(name), is_skipped=name in now.skipped)
            for name, step in steps.items()
        ]
        return cls(nodes=nodes, edges=_edges(steps), inputs=list(pipeline.inputs), outputs=list(pipeline.outputs))


def _node(
    name: str, step: dict, job: Started | None, display_name: str, reason: str | None, *, is_skipped: bool
) -> Node:
    common = {"id": name, "component": ComponentName.of(step.get("component")), "reason": reason}
    if job is None:
        return Node(
            **common,
            job=None,
            type=step["job"].get("type", "command"),
            display_name=display_name,
            status="Skipped" if is_skipped else "NotStarted",
            reused_from=None,
            created=None,
            started=None,
            ended=None,
        )
    return Node(
        **common,
        job=job.name,
        type=job.type,
        display_name=job.display_name,
        status=job.status,
        reused_from=job.reused_from,
        created=job.created_at,
        started=job.started_at,
        ended=job.ended_at,
    )


def _edges(steps: dict[str, dict]) -> list[Edge]:
    found = []
    for name, step in steps.items():
        for port, source in step.get("sources", {}).items():
            writer, output = ("inputs", source["input"]) if "input" in source else (source["step"], source["output"])
            found.append(Edge(source=writer, output=output, target=name, input=port))
        if when := step.get("when", {}).get("step"):
            found.append(Edge(source=when, output=step["when"]["output"], target=name, input="condition"))
        for port, target in step.get("targets", {}).items():
            found.append(Edge(source=name, output=port, target="outputs", input=target))
    return found
