"""The steps of a pipeline as a graph: what waits for what, and that nothing waits for itself."""

from collections.abc import Mapping

from app.jobs.specification.steps import Step
from app.kit.sections import Section


def check_graph(jobs: Section, steps: Mapping[str, Step]) -> None:
    """Note a cycle, and an output of the pipeline that two steps write."""
    waits = {name: upstream(step) for name, step in steps.items()}
    if cycle := find_cycle(waits):
        text = "waits for itself: " + " → ".join([*cycle, cycle[0]]) + "; take one of these bindings out."
        jobs.wrong(cycle[0], text)
    writers: dict[str, str] = {}
    for name, step in steps.items():
        for port, target in step.targets.items():
            if target in writers:
                at = jobs.section(name).section("outputs")
                at.wrong(port, f"goes to output `{target}` of the pipeline, which step `{writers[target]}` writes too.")
            writers.setdefault(target, name)


def upstream(step: Step) -> list[str]:
    """The steps that it waits for."""
    named = (*step.sources.values(), step.when)
    return list(dict.fromkeys(source["step"] for source in named if "step" in source))


def find_cycle(waits: Mapping[str, list[str]]) -> list[str] | None:
    """Steps of which each feeds the next one and the last one the first; None where there are none."""
    done: set[str] = set()
    for start in waits:
        trail: list[str] = []
        stack = [(start, iter(waits[start]))] if start not in done else []
        while stack:
            name, rest = stack[-1]
            if len(trail) < len(stack):
                trail.append(name)
            following = next((item for item in rest if item in waits and item not in done), None)
            if following is None:
                stack.pop()
                trail.pop()
                done.add(name)
            elif following in trail:
                return _from_first(waits, list(reversed(trail[trail.index(following) :])))
            else:
                stack.append((following, iter(waits[following])))
    return None


def _from_first(waits: Mapping[str, list[str]], cycle: list[str]) -> list[str]:
    first = cycle.index(next(name for name in waits if name in cycle))
    return cycle[first:] + cycle[:first]
