"""A job that runs a component: its inputs and outputs checked against the component's interface."""

import json
from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches

from app.jobs.specification.command import CommandJob
from app.jobs.specification.component import Component
from app.jobs.specification.ports import Input, Output, Port
from app.kit.sections import Section


def with_component(file: Section, job: CommandJob, component: Component) -> CommandJob:
    """The job of a file with what the component says. What the job itself says of environment, resources and
    distribution goes before; every input that does not fit is noted in the file's problems."""
    own_resources = bool(job.resources)
    return replace(
        job,
        command=component.command,
        code=component.code,
        display_name=job.display_name or component.display_name,
        environment=component.environment if job.environment is None else job.environment,
        inputs=filled_inputs(file, job.inputs, component.inputs),
        outputs=filled_outputs(file, job.outputs, component.outputs),
        resources=job.resources if own_resources else component.resources,
        memory_bytes=job.memory_bytes if own_resources else component.memory_bytes,
        processes=job.processes if own_resources else component.processes,
        distribution=job.distribution or component.distribution,
    )


def filled_inputs(
    file: Section, given: dict[str, Input], declared: dict[str, Port], *, tolerant: bool = False
) -> dict[str, Input]:
    """The given inputs that a component declares, and its defaults; notes what does not fit its interface.

    An input that it does not declare is a problem, or, for the `tolerant`, a warning.
    """
    section = file.section("inputs")
    _check_names(section, declared, "input", tolerant=tolerant)
    found = {}
    for name, port in declared.items():
        if name in given:
            found[name] = _fitting(section, name, given[name], port)
        elif port.default is not None:
            found[name] = Input(port.type, value=port.default) if port.is_literal else _asset(port, str(port.default))
        elif not port.optional and name not in section:
            section.wrong(name, f"is missing: the component needs this {port.type}.")
    return found


def _asset(port: Port, path: str) -> Input:
    kind = "uri_folder" if port.type == "path" else port.type
    return Input(kind, path=path, mode=port.mode or "ro_mount")


def _fitting(section: Section, name: str, given: Input, port: Port) -> Input:
    if port.is_literal:
        if not given.is_literal:
            section.wrong(name, f"is data; the component takes a {port.type} here, a plain value.")
        elif problem := port.refuses(given.value):
            section.wrong(name, problem)
        return replace(given, type=port.type)
    if given.is_literal:
        text = f"is a plain value; the component takes a {port.type} here, such as `{{path: azureml:NAME:1}}`."
        section.wrong(name, text)
        return given
    said = section.section(name)
    if "type" not in said:
        return replace(given, type="uri_folder" if port.type == "path" else port.type)
    if {port.type, given.type} == {"uri_file", "uri_folder"}:
        said.warn("type", f"is {given.type!r}, and the component says {port.type}; it is given as a {given.type}.")
    elif port.type not in ("path", given.type):
        said.wrong("type", f"is {given.type!r}; the component takes a {port.type} here.")
    return given


def filled_outputs(file: Section, given: dict[str, Output], declared: dict[str, Port]) -> dict[str, Output]:
    """The outputs that a component declares, with what is given of them."""
    _check_names(file.section("outputs"), declared, "output")
    return {name: replace(given.get(name) or Output(), type=_kind(port)) for name, port in declared.items()}


def _kind(port: Port) -> str:
    """A component writes an output that is a literal into a file."""
    if port.is_literal:
        return "uri_file"
    return "uri_folder" if port.type == "path" else port.type


def _check_names(section: Section, declared: Iterable[str], what: str, *, tolerant: bool = False) -> None:
    known = sorted(declared)
    for name in section.values:
        if name not in known:
            close = get_close_matches(name, known, 1, 0.6)
            has = f"it has: {', '.join(known)}." if known else f"it has no {what}s."
            hint = f"did you mean `{close[0]}`?" if close else has
            text = f"the component has no {what} `{name}`; {hint}"
            if tolerant:
                section.problems.warn((*section.path, name), text)
            else:
                section.problems.add((*section.path, name), text, key=True)


def job_file(reference: str, component: Component) -> str:
    """A job file that runs a component: its defaults to change, and what it still needs to fill in."""
    lines = [f"component: {reference}"]
    needed = [text for name, port in component.inputs.items() for text in _input_lines(name, port)]
    if needed:
        is_bare = all(line.lstrip().startswith("#") for line in needed)
        lines += ["# inputs:" if is_bare else "inputs:", *needed]
    return "\n".join(lines) + "\n"


def _input_lines(name: str, port: Port) -> list[str]:
    bounds = [f"{word} {value}" for word, value in (("at least", port.min), ("at most", port.max)) if value is not None]
    says = ", ".join([port.type, *bounds, *([f"one of {', '.join(port.enum)}"] if port.enum else [])])
    if not port.is_literal:
        path = port.default or f"azureml:{name.upper()}@latest  # name yours"
        kind = "uri_folder" if port.type == "path" else port.type
        lines = [f"  {name}:", f"    type: {kind}", f"    path: {json.dumps(path) if ': ' in str(path) else path}"]
    else:
        value = "" if port.default is None else f" {json.dumps(port.default, ensure_ascii=False)}"
        lines = [f"  {name}:{value}  # {says}"]
    is_left_out = port.optional and port.default is None
    return [f"  # {line[2:]}" for line in lines] if is_left_out else lines
