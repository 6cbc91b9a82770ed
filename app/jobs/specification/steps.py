"""The steps of a pipeline: what each runs, and where its inputs come from and its outputs go."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from app.jobs.specification import automl, data_transfer, parallel
from app.jobs.specification.bindings import Binding, binding_of, filled, fits, has_expression
from app.jobs.specification.command import SET_BY_SERVER, CommandJob
from app.jobs.specification.component import Component
from app.jobs.specification.component_kinds import AnyComponent, read_any
from app.jobs.specification.interface import with_component
from app.jobs.specification.kinds import INSTEAD, KINDS, MARKS
from app.jobs.specification.pipeline_component import FIELDS as COMPONENT_FIELDS
from app.jobs.specification.pipeline_component import PipelineComponent
from app.jobs.specification.ports import PORT_NAME, Input, Output
from app.kit.sections import Section, as_text, kind_of

SUPPORTED = ("automl", "command", "data_transfer", "parallel", "pipeline", "sweep")
OF_PIPELINES = ("type", "component", "inputs", "outputs", "properties", "comment", "compute", "settings")
OF_STEPS = ("component", "comment", "resources", "limits", "identity")
# What stands in for data that another step will have written, while a step is read.
LATER = "azureml:later:1"

ReadNested = Callable[[Section, PipelineComponent], CommandJob]


@dataclass(frozen=True)
class Step:
    """`job` is what is run, with those inputs that are known. `sources` says where the others come from:
    `{port: {"input": name} | {"step": name, "output": port}}`, with `type` and `mode` of data. `targets` are
    outputs of the pipeline by the port that writes them. `when` says on what it depends whether the step is run:
    `{"step", "output", "is"}`, or `{"value", "is"}` where that is known."""

    job: CommandJob
    sources: dict[str, dict[str, str]] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    component: str | None = None
    is_deterministic: bool = True
    comment: str | None = None
    when: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {key: value for key, value in (found | {"job": self.job.to_dict()}).items() if value not in (None, {})}


@dataclass
class Scope:
    """What the steps may bind to. Types are those that somebody said, None otherwise."""

    jobs: Section
    inputs: dict[str, Input]
    outputs: dict[str, Output]
    input_types: dict[str, str | None]
    output_types: dict[str, str | None]
    declared: Iterable[str] = ()
    # Loops by name, with the step that is their body.
    loops: dict[str, str] = field(default_factory=dict)
    # The steps of which each output is a table of what all their runs left.
    collected: Collection[str] = ()

    @property
    def literals(self) -> dict[str, Any]:
        return {name: value.value for name, value in self.inputs.items() if value.is_literal}


def read_steps(scope: Scope, nested: ReadNested) -> dict[str, Step]:
    """Notes every problem in the file's problems; a step that cannot be read is left out."""
    found = {}
    for name, value in scope.jobs.values.items():
        if not PORT_NAME.fullmatch(name):
            scope.jobs.wrong(name, "is not a name of a step: take letters, digits and '_', no digit first.")
        elif not isinstance(value, dict):
            scope.jobs.wrong(name, f"is {kind_of(value)}; a step has a `component`, or a `command` of its own.")
        else:
            found[name] = _Reader(scope, name).read(nested)
    return {name: step for name, step in found.items() if step is not None}


class _Reader:
    """Reads one step."""

    def __init__(self, scope: Scope, name: str) -> None:
        self.scope = scope
        self.name = name
        self.node = scope.jobs.section(name, f"step `{name}`")
        if self.node.values.get("type") == "automl":
            self.node = automl.with_inputs(self.node)
        self.sources: dict[str, dict[str, str]] = {}
        self.targets: dict[str, str] = {}

    def read(self, nested: ReadNested) -> Step | None:
        component = self._component()
        kind = self._kind(component)
        if kind is None or (isinstance(self.node.values.get("component"), str) and component is None):
            return None
        declared = component.inputs if component else {}
        types = {port: value.type for port, value in declared.items()}
        values = filled({k: v for k, v in self.node.values.items() if k not in _UNFILLED}, self.scope.literals)
        values |= {k: v for k, v in self.node.values.items() if k in _UNFILLED}
        values |= {"inputs": self._inputs(types), "outputs": self._outputs(component)}
        file = Section(self.node.problems, values, self.node.path, self.node.what)
        job = self._job(kind, file, component, nested)
        known = {port: value for port, value in job.inputs.items() if port not in self.sources}
        sources = {port: source for port, source in self.sources.items() if port in job.inputs}
        raw = self.node.values.get("component") or self.node.values.get("trial")
        return Step(
            job=replace(job, inputs=known, component=None),
            sources={port: source | _shape(job.inputs[port]) for port, source in sources.items()},
            targets={port: target for port, target in self.targets.items() if port in job.outputs},
            component=raw.get("id") if isinstance(raw, dict) else None,
            is_deterministic=component.is_deterministic if component else True,
            comment=self.node.text("comment"),
        )

    def _component(self) -> AnyComponent | None:
        written = self.node.values.get("component")
        if isinstance(written, dict):
            return read_any(self.node.section("component", "a component"))
        if "jobs" in self.node:
            return read_any(Section(self.node.problems, {"type": "pipeline", **self._inline()}, self.node.path))
        return None

    def _inline(self) -> dict[str, Any]:
        """A pipeline that stands in its step: what it takes and leaves is what it is given."""
        inputs = self.node.mapping("inputs")
        types = {name: (port.get("type") if isinstance(port, dict) else None) for name, port in inputs.items()}
        return {
            "jobs": self.node.values["jobs"],
            "inputs": {name: {"type": kind or self._type_of(inputs[name])} for name, kind in types.items()},
            "outputs": {
                name: {"type": (port.get("type") if isinstance(port, dict) else None) or "uri_folder"}
                for name, port in self.node.mapping("outputs").items()
            },
        }

    def _type_of(self, value: Any) -> str:
        binding = binding_of(value.get("path", value.get("value")) if isinstance(value, dict) else value)
        if binding is None:
            return "path" if isinstance(value, dict) and "path" in value else "string"
        literal = binding.step is None and binding.name in self.scope.literals
        return "string" if literal else "path"

    def _kind(self, component: AnyComponent | None) -> str | None:
        said = self.node.values.get("type")
        kind = component.type if component else said
        if kind is None and "command" not in self.node:
            kind = next((name for name, mark in MARKS.items() if mark in self.node), None)
        kind = kind or "command"
        if kind not in SUPPORTED:
            close = get_close_matches(str(kind), SUPPORTED, 1, 0.7)
            hint = f"did you mean `{close[0]}`?" if close else f"a step is one of: {', '.join(sorted(SUPPORTED))}."
            self.node.wrong("type", f"is {kind!r}; {hint} {INSTEAD.get(str(kind), '')}".rstrip())
            return None
        # A component that copies data is one that runs a command.
        if said not in (None, kind) and (said, kind) != ("data_transfer", "command"):
            self.node.wrong("type", f"is {said!r}, but its component is a {kind} component.")
        return kind

    def _job(self, kind: str, file: Section, component: AnyComponent | None, nested: ReadNested) -> CommandJob:
        if isinstance(component, PipelineComponent):
            file.check_fields((*OF_PIPELINES, *COMPONENT_FIELDS), SET_BY_SERVER)
            return nested(file, component)
        if kind == "parallel":
            file.check_fields((*parallel.FIELDS, *OF_STEPS), SET_BY_SERVER)
            return parallel.read(file, component)
        if kind == "automl":
            file = automl.with_tables(file)
        elif kind == "data_transfer":
            file.check_fields((*data_transfer.FIELDS, *OF_STEPS), SET_BY_SERVER)
            kind, file = "command", data_transfer.as_command(file)
        elif self.node.values.get("type") == "data_transfer":
            kept = {name: value for name, value in file.values.items() if name not in data_transfer.OWN_FIELDS}
            file = Section(file.problems, kept | {"type": "command"}, file.path, file.what)
        file.check_fields((*KINDS[kind].fields, *OF_STEPS), SET_BY_SERVER)
        job, whole = KINDS[kind].read(file)
        return with_component(whole, job, job.component) if isinstance(job.component, Component) else job

    def _inputs(self, types: dict[str, str]) -> dict[str, Any]:
        """The inputs as a job without a pipeline would have them; what is bound is noted in `sources`."""
        found = {}
        inputs = self.node.section("inputs")
        for port, value in inputs.values.items():
            whole = value if isinstance(value, dict) else {}
            inner = whole.get("path", whole.get("value")) if whole else value
            binding = binding_of(inner)
            if binding is not None:
                read = self._bound(inputs, port, binding, types.get(port) or whole.get("type"))
                if isinstance(read, dict) and "mode" in whole:
                    read["mode"] = whole["mode"]
                if read is not None:
                    found[port] = read
            elif has_expression(inner):
                inputs.wrong(port, f"is {inner!r}; write `${{{{parent.inputs.NAME}}}}` or `{_OUTPUT}`, by itself.")
            else:
                found[port] = value
        return found

    def _bound(self, inputs: Section, port: str, binding: Binding, wanted: str | None) -> Any:
        """What the input is read as, None where it has no value; notes where it comes from, or what is wrong."""
        binding = self._followed(binding)
        scope = self.scope
        if problem := self._problem(binding):
            inputs.wrong(port, f"is bound to `{binding}`; {problem}")
            # As something that fits, so that nothing is said of it twice.
            return _EXAMPLES.get(wanted) or _data(wanted, None)
        if binding.step is not None:
            self.sources[port] = {"step": binding.step, "output": binding.name}
            types = output_types(scope.jobs.values[binding.step], scope.output_types) or {}
            return _data(wanted, "mltable" if binding.step in scope.collected else types.get(binding.name))
        value = scope.inputs.get(binding.name)
        if value is None:
            return None
        self.sources[port] = {"input": binding.name}
        if value.is_literal:
            return as_text(value.value)
        return _data(wanted, scope.input_types.get(binding.name))

    def _problem(self, binding: Binding) -> str | None:
        """Why there is nothing that a binding names."""
        scope = self.scope
        if binding.step is None and binding.side == "outputs":
            return f"an input takes what a step writes: `{_OUTPUT}`."
        if binding.step is None:
            known = {**scope.inputs, **dict.fromkeys(scope.declared)}
            return None if binding.name in known else _known(binding.name, known, "the pipeline", "input")
        step = scope.jobs.values.get(binding.step)
        if not isinstance(step, dict):
            return _known(binding.step, scope.jobs.values, "the pipeline", "step")
        if binding.side == "inputs":
            return "that input is bound to nothing; give this one the same value."
        types = output_types(step, scope.output_types)
        if types is not None and binding.name not in types:
            return _known(binding.name, types, f"step `{binding.step}`", "output")
        return None

    def _followed(self, binding: Binding) -> Binding:
        """`${{parent.jobs.a.inputs.x}}` is what the input x of step a is bound to."""
        binding = self._unlooped(binding)
        seen = set()
        while binding.step is not None and binding.side == "inputs" and binding not in seen:
            seen.add(binding)
            step = self.scope.jobs.values.get(binding.step)
            given = (step.get("inputs") or {}).get(binding.name) if isinstance(step, dict) else None
            given = given.get("path", given.get("value")) if isinstance(given, dict) else given
            binding = self._unlooped(binding_of(given) or binding)
        return binding

    def _unlooped(self, binding: Binding) -> Binding:
        """What a loop leaves is what its body leaves."""
        loops = self.scope.loops
        return replace(binding, step=loops[binding.step]) if binding.step in loops else binding

    def _outputs(self, component: AnyComponent | None) -> dict[str, Any]:
        """The outputs as a job without a pipeline would have them; those of the pipeline are noted in `targets`."""
        found = {}
        outputs = self.node.section("outputs")
        for port, value in outputs.values.items():
            whole = value if isinstance(value, dict) else {}
            inner = whole.get("path") if whole else value
            binding = binding_of(inner)
            if binding is None:
                found[port] = value
                continue
            rest = {key: item for key, item in whole.items() if key != "path"}
            if binding.step is not None or binding.side != "outputs":
                outputs.wrong(port, f"is bound to `{binding}`; an output goes to `${{{{parent.outputs.NAME}}}}`.")
            elif binding.name not in self.scope.outputs:
                outputs.wrong(
                    port,
                    f"is bound to `{binding}`; {_known(binding.name, self.scope.outputs, 'the pipeline', 'output')}",
                )
            else:
                self.targets[port] = binding.name
                kind = self.scope.output_types.get(binding.name)
                rest = {"type": kind, **rest} if kind and not component else rest
                declared = component.outputs.get(port) if component else None
                if declared and not declared.is_literal and not fits(declared.type, kind):
                    outputs.wrong(port, f"is a {declared.type}; output `{binding.name}` of the pipeline is a {kind}.")
            found[port] = rest or None
        return found


_UNFILLED = ("inputs", "outputs", "component", "command", "trial", "jobs", "task")
_EXAMPLES = {"string": "text", "boolean": "true", "integer": "1", "number": "1"}
_OUTPUT = "${{parent.jobs.STEP.outputs.NAME}}"


def output_types(step: dict[str, Any], of_pipeline: dict[str, str | None]) -> dict[str, str | None] | None:
    """The outputs of a step as it is written, each with the type that somebody said; None where nobody knows them."""
    given = step.get("outputs") if isinstance(step.get("outputs"), dict) else {}
    component = step.get("component", step.get("trial"))
    if isinstance(component, str):
        return None
    declared = component.get("outputs") if isinstance(component, dict) and component.get("outputs") else {}
    found: dict[str, str | None] = {}
    for name, value in given.items():
        binding = binding_of(value.get("path") if isinstance(value, dict) else value)
        said = value.get("type") if isinstance(value, dict) else None
        found[name] = said or (of_pipeline.get(binding.name) if binding and binding.step is None else None)
    return found | {name: port.get("type") if isinstance(port, dict) else None for name, port in declared.items()}


def _shape(value: Input) -> dict[str, str]:
    """Type and mode that a bound input is read with."""
    return {key: item for key, item in (("type", value.type), ("mode", value.mode)) if item}


def _data(wanted: str | None, said: str | None) -> dict[str, str]:
    """Data that comes later, as the type that is wanted where it may be read as that one."""
    kind = wanted if wanted and fits(said, wanted) else said
    return {"path": LATER, **({"type": kind} if kind and kind != "path" else {})}


def _known(name: str, known: Iterable[str], whose: str, what: str) -> str:
    close = get_close_matches(name, list(known), 1, 0.6)
    has = f"it has: {', '.join(known)}." if known else f"it has no {what}s."
    return f"{whose} has no {what} `{name}`; " + (f"did you mean `{close[0]}`?" if close else has)
