"""Control flow of a pipeline: steps that run under a condition, in a loop, or once for each of some items.

A condition becomes the `when` of the steps that it decides about. A loop and a for-each become a pipeline within
the pipeline, in which the body stands as often as it may run. Source: Azure ML CLI v2, control flow schemas.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

from app.jobs.specification.bindings import binding_of, filled
from app.jobs.specification.ports import Input
from app.jobs.specification.steps import Scope, Step
from app.kit.sections import Section, as_text, kind_of

FIELDS = {
    "if_else": ("type", "condition", "true_block", "false_block"),
    "do_while": ("type", "body", "condition", "mapping", "limits"),
    "parallel_for": ("type", "body", "items", "max_concurrency", "outputs"),
}
MOST_ITERATIONS = 1000
_STEP = re.compile(r"\s*(?:\$\{\{\s*parent\.jobs\.(\w+)\s*\}\}|(\w+))\s*")

# Makes a pipeline of steps, given the step that is their body and the settings of the pipeline.
Nest = Callable[[Step, dict[str, Step], dict[str, Any]], Step]


class ControlFlow:
    """The nodes of a pipeline's `jobs` that run nothing themselves, apart from its `plain` steps."""

    def __init__(self, scope: Scope) -> None:
        self.jobs = scope.jobs
        self.literals = scope.literals
        self.outputs = scope.outputs
        self.nodes: dict[str, Section] = {}
        for name, value in scope.jobs.values.items():
            if kind := _kind(value):
                self.nodes[name] = scope.jobs.section(name, f"an {kind}" if kind[0] == "i" else f"a {kind}")
        plain = {name: value for name, value in scope.jobs.values.items() if name not in self.nodes}
        self.bodies = {name: body for name, node in self.nodes.items() if (body := self._body(node, plain))}
        self.items = {name: self._items(self.nodes[name]) for name in self.bodies if "items" in self.nodes[name]}
        for name, items in self.items.items():
            body = plain[self.bodies[name]]
            # The first item stands in the body while that is read.
            plain[self.bodies[name]] = {**body, "inputs": {**(body.get("inputs") or {}), **(items[0] if items else {})}}
        self.collected = {self.bodies[name] for name in self.items}
        self.plain = Section(scope.jobs.problems, plain, scope.jobs.path, scope.jobs.what)

    def apply(self, steps: dict[str, Step], nest: Nest) -> dict[str, Step]:
        """The steps with conditions, and with each loop in the place of its body."""
        found = dict(steps)
        for name, node in self.nodes.items():
            kind = _kind(node.values)
            node.check_fields(FIELDS[kind])
            if kind == "if_else":
                self._decide(node, found)
            elif (body := self.bodies.get(name)) in found:
                if kind == "parallel_for":
                    loop = self._nested_each(name, node, found[body], nest)
                else:
                    loop = nest(found[body], self._loop(node, body, found[body]), {})
                found = _renamed(found, body, name, loop)
        return found

    def _body(self, node: Section, plain: dict[str, Any]) -> str | None:
        if _kind(node.values) == "if_else":
            return None
        steps = self._steps(node, "body", [name for name, value in plain.items() if isinstance(value, dict)])
        return steps[0] if steps else None

    def _steps(self, node: Section, field: str, known: Collection[str]) -> list[str]:
        written = node.values.get(field)
        if written is None and field == "body":
            node.wrong(field, "is missing; name a step: `${{parent.jobs.NAME}}`.")
        found = []
        for value in written if isinstance(written, list) else [] if written is None else [written]:
            named = _STEP.fullmatch(value) if isinstance(value, str) else None
            step = (named[1] or named[2]) if named else None
            if step not in known:
                node.wrong(field, f"is {value!r}; name a step of this pipeline: `${{{{parent.jobs.NAME}}}}`.")
            else:
                found.append(step)
        return found

    def _decide(self, node: Section, steps: dict[str, Step]) -> None:
        condition = self._condition(node, steps)
        if "true_block" not in node and "false_block" not in node:
            node.wrong("true_block", "or `false_block` must be given.")
        for field, wanted in (("true_block", True), ("false_block", False)):
            for name in self._steps(node, field, steps):
                if condition is not None:
                    steps[name] = replace(steps[name], when={**condition, "is": wanted})

    def _condition(self, node: Section, steps: dict[str, Step]) -> dict[str, Any] | None:
        written = filled(node.values.get("condition"), self.literals)
        if isinstance(written, bool) or str(written).lower() in ("true", "false"):
            return {"value": str(written).lower() == "true"}
        binding = binding_of(written)
        if binding is None or binding.side != "outputs" or binding.step not in steps:
            text = f"is {written!r}; give true, false, or what a step writes: `${{{{parent.jobs.NAME.outputs.NAME}}}}`."
            node.wrong("condition", text)
            return None
        if binding.name not in steps[binding.step].job.outputs:
            node.wrong("condition", f"is `{binding}`; step `{binding.step}` has no output `{binding.name}`.")
        return {"step": binding.step, "output": binding.name}

    def _items(self, node: Section) -> list[dict[str, Any]]:
        written = filled(node.values.get("items"), self.literals)
        if isinstance(written, str):
            try:
                written = json.loads(written)
            except ValueError:
                node.wrong("items", "is text that is not JSON; give a list of mappings of inputs.")
                return []
        items = list(written.values()) if isinstance(written, dict) else written
        if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
            text = f"is {kind_of(written)}; give a list of mappings of inputs, one for each run of the body."
            node.wrong("items", text)
            return []
        return items

    def _nested_each(self, name: str, node: Section, body: Step, nest: Nest) -> Step:
        """What the runs leave is collected: an output of any type is a table of the outputs, as in Azure ML."""
        most = node.integer("max_concurrency", least=1)
        settings = {"collects": True, **({"max_concurrency": most} if most else {})}
        outputs = {port: replace(output, type="mltable") for port, output in body.job.outputs.items()}
        runs = self._each(name, body)
        whole = replace(body, job=replace(body.job, outputs=outputs), targets=self._targets(node, body))
        return nest(whole, runs, settings)

    def _targets(self, node: Section, body: Step) -> dict[str, str]:
        """The outputs of the pipeline that the node writes, which its `outputs` may say as well as the body's."""
        found, outputs = dict(body.targets), node.section("outputs")
        for port, value in outputs.values.items():
            written = value.get("path") if isinstance(value, dict) else value
            binding = binding_of(written)
            if port not in body.job.outputs:
                outputs.wrong(port, f"is no output of the body; it has: {', '.join(body.job.outputs) or 'none'}.")
            elif binding and binding.step is None and binding.side == "outputs" and binding.name in self.outputs:
                found[port] = binding.name
            elif written is not None:
                outputs.wrong(port, f"is {written!r}; give an output of the pipeline: `${{{{parent.outputs.NAME}}}}`.")
        return found

    def _each(self, name: str, body: Step) -> dict[str, Step]:
        found = {}
        for number, item in enumerate(self.items.get(name) or []):
            literals = {port: Input(None, value=as_text(value)) for port, value in item.items() if _plain(value)}
            for port in item.keys() - literals.keys():
                self.nodes[name].wrong("items", f"has {kind_of(item[port])} for {port!r}; give a plain value.")
            for port in literals.keys() - body.job.inputs.keys() - body.sources.keys():
                self.nodes[name].wrong("items", f"names {port!r}, which is no input of the body.")
            job = replace(body.job, inputs={**body.job.inputs, **literals})
            sources = {port: source for port, source in _within(body).items() if port not in literals}
            found[f"item_{number}"] = replace(body, job=job, sources=sources, targets={}, when={})
        return found

    def _loop(self, node: Section, name: str, body: Step) -> dict[str, Step]:
        limits = node.section("limits")
        limits.check_fields(("max_iteration_count",))
        count = limits.integer("max_iteration_count", least=1)
        if count is None or count > MOST_ITERATIONS:
            limits.wrong("max_iteration_count", f"must be a whole number from 1 to {MOST_ITERATIONS}.")
            return {}
        binding = binding_of(node.values.get("condition"))
        output = binding.name if binding and binding.step == name else node.text("condition")
        if output not in body.job.outputs:
            node.wrong("condition", f"must be an output of the body: `${{{{parent.jobs.{name}.outputs.NAME}}}}`.")
            return {}
        carried = dict(self._carried(node, body))
        found = {}
        for number in range(count):
            before = f"iteration_{number - 1}"
            later = {port: {"step": before, "output": left, **_shape(body, port)} for port, left in carried.items()}
            known = {port: value for port, value in body.job.inputs.items() if not (number and port in carried)}
            found[f"iteration_{number}"] = replace(
                body,
                job=replace(body.job, inputs=known),
                sources={**_within(body), **(later if number else {})},
                targets={port: port for port in body.job.outputs},
                when={"step": before, "output": output, "is": True} if number else {},
            )
        return found

    def _carried(self, node: Section, body: Step) -> Iterator[tuple[str, str]]:
        """Inputs of the body with the output that they have of the iteration before."""
        mapping = node.section("mapping")
        for output, written in mapping.values.items():
            if output not in body.job.outputs:
                mapping.wrong(output, f"is no output of the body; it has: {', '.join(body.job.outputs) or 'none'}.")
            for value in written if isinstance(written, list) else [written]:
                binding = binding_of(value)
                port = binding.name if binding and binding.side == "inputs" else value
                if port not in body.job.inputs and port not in body.sources:
                    mapping.wrong(output, f"goes to {value!r}, which is no input of the body with a first value.")
                else:
                    yield port, output


def _kind(value: Any) -> str | None:
    """The kind of a node that runs nothing itself; None for a step."""
    if not isinstance(value, dict):
        return None
    if value.get("type") in FIELDS:
        return value["type"]
    if "type" in value or "component" in value or "command" in value:
        return None
    if "items" in value and "body" in value:
        return "parallel_for"
    if "condition" in value:
        return "do_while" if "body" in value else "if_else"
    return None


def _plain(value: Any) -> bool:
    return not isinstance(value, dict | list) and value is not None


def _within(body: Step) -> dict[str, dict[str, str]]:
    """What the body takes from elsewhere, as inputs of the pipeline that it stands in now."""
    return {port: {"input": port, **_shape(body, port)} for port in body.sources}


def _shape(body: Step, port: str) -> dict[str, str]:
    if port in body.sources:
        return {key: body.sources[port][key] for key in ("type", "mode") if key in body.sources[port]}
    known = body.job.inputs.get(port)
    return {key: value for key, value in (("type", known.type), ("mode", known.mode)) if value} if known else {}


def _renamed(steps: dict[str, Step], body: str, name: str, loop: Step) -> dict[str, Step]:
    """The steps with a loop in the place of its body, and who takes from the body takes from the loop."""
    found = {}
    for key, step in steps.items():
        sources = {
            port: {**source, "step": name} if source.get("step") == body else source
            for port, source in step.sources.items()
        }
        when = {**step.when, "step": name} if step.when.get("step") == body else step.when
        found[name if key == body else key] = loop if key == body else replace(step, sources=sources, when=when)
    return found
