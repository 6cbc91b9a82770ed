"""A sweepJob of Azure ML CLI v2: a command that is run many times, each time with other parameters."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from app.jobs.specification.command import CommandJob, read_command_job
from app.jobs.specification.search_space import number, read_search_space
from app.kit.sections import Section, kind_of

FIELDS = (
    "name",
    "display_name",
    "experiment_name",
    "description",
    "tags",
    "properties",
    "type",
    "compute",
    "trial",
    "inputs",
    "outputs",
    "sampling_algorithm",
    "search_space",
    "objective",
    "early_termination",
    "limits",
    "queue_settings",
    "resources",
    "services",
    "identity",
    "parent_job_name",
)
TRIAL_FIELDS = ("type", "command", "code", "environment", "environment_variables", "resources", "distribution")
ALGORITHMS = ("random", "grid", "bayesian")
POLICIES = {
    "bandit": ("slack_factor", "slack_amount"),
    "median_stopping": (),
    "truncation_selection": ("truncation_percentage", "exclude_finished_jobs"),
}
MOST_TRIALS = 1000
# As many as there are direction numbers for: see `app.sweeps.sobol`.
MOST_SOBOL_DIMENSIONS = 13
_SPACE = re.compile(r"\$\{\{\s*search_space\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


@dataclass(frozen=True)
class SweepJob(CommandJob):
    """The trial's command as a job, of which the hyper-parameters are inputs. `timeout_seconds` is a trial's.

    `sweep` holds `search_space`, `sampling`, `objective`, `early_termination` and `limits`.
    """

    sweep: dict[str, Any] = field(default_factory=dict)
    type: str = "sweep"


def read(file: Section) -> tuple[SweepJob, Section]:
    """The job, and its file with the hyper-parameters among the inputs. Notes every problem, raises nothing."""
    sampling = _sampling(file)
    space = read_search_space(file, sampling["type"])
    if sampling.get("rule") == "sobol" and len(space) > MOST_SOBOL_DIMENSIONS:
        file.wrong("search_space", f"has {len(space)} parameters; sobol takes up to {MOST_SOBOL_DIMENSIONS}.")
    limits = _limits(file)
    trial_timeout = limits.pop("trial_timeout")
    named = {name: _example(space.get(name)) for name in file.mapping("search_space")}
    inputs = {**file.mapping("inputs"), **named}
    whole = Section(file.problems, {**file.values, "inputs": inputs}, file.path, file.what)
    without_limits = Section(file.problems, {**whole.values, "limits": None}, file.path, file.what)
    command_job = read_command_job(without_limits, _trial(file, inputs))
    said = {name: getattr(command_job, name) for name in command_job.__dataclass_fields__ if name != "type"}
    sweep = {
        "search_space": space,
        "sampling": sampling,
        "objective": _objective(file),
        "early_termination": _policy(file),
        "limits": limits,
    }
    return replace(SweepJob(**said), sweep=sweep, timeout_seconds=trial_timeout), whole


def _example(distribution: dict | None) -> Any:
    """A value that a parameter might take, by which a component's interface is checked."""
    if distribution is None:
        return 0
    match distribution["type"]:
        case "choice":
            first = distribution["values"][0]
            return "{}" if isinstance(first, dict) else first
        case "randint":
            return 0
        case "uniform" | "quniform":
            return distribution["min_value"]
        case "normal" | "qnormal":
            return distribution["mu"]
    return 1.0


def _trial(file: Section, inputs: dict) -> Section:
    value = file.values.get("trial")
    ports = {"inputs": inputs, "outputs": file.mapping("outputs")}
    if isinstance(value, str) and value.strip():
        return Section(file.problems, {"component": value, **ports}, file.path, "a trial")
    if not isinstance(value, dict):
        form = "missing" if value in (None, "") else kind_of(value)
        file.wrong(
            "trial", f"is {form}; give `command` and `environment`, or a component such as azureml:NAME:VERSION."
        )
        return Section(file.problems, {"command": "true", **ports}, file.path, "a trial")
    if "inputs" in value or "outputs" in value:
        return Section(file.problems, {"component": value, **ports}, file.path, "a trial")
    trial = file.section("trial", "a trial")
    trial.check_fields(TRIAL_FIELDS)
    trial.choice("type", ("command",))
    return Section(file.problems, {**value, "command": _with_inputs(file, trial), **ports}, trial.path, "a trial")


def _with_inputs(file: Section, trial: Section) -> str | None:
    """The command with `${{search_space.x}}` as `${{inputs.x}}`."""
    command = trial.text("command")
    known = file.mapping("search_space")
    for name in _SPACE.findall(command or ""):
        if name not in known:
            trial.wrong(
                "command", f"uses `search_space.{name}`; the search space has: {', '.join(known) or 'nothing'}."
            )
    kept = _SPACE.sub(lambda found: f"${{{{inputs.{found[1]}}}}}" if found[1] in known else "", command or "")
    return kept if command is not None else None


def _sampling(file: Section) -> dict[str, Any]:
    value = file.values.get("sampling_algorithm")
    if not isinstance(value, dict):
        return {"type": file.choice("sampling_algorithm", ALGORITHMS, "random")}
    part = file.section("sampling_algorithm")
    kind = part.choice("type", ALGORITHMS, "random")
    part.check_fields(("type", "seed", "rule", "logbase") if kind == "random" else ("type",))
    found = {"type": kind, "seed": part.integer("seed"), "rule": part.choice("rule", ("random", "sobol"))}
    if "logbase" in part and part.values["logbase"] != "e":
        base = number(part, "logbase")
        if base is not None and base <= 1:
            part.wrong("logbase", f"is {base}; it must be `e` or a number above 1.")
        found["logbase"] = base
    return {name: item for name, item in found.items() if item is not None}


def _objective(file: Section) -> dict[str, Any]:
    part = file.section("objective")
    part.check_fields(("goal", "primary_metric"))
    if "goal" not in part:
        part.wrong("goal", "is missing; it must be one of: maximize, minimize.")
    return {
        "goal": part.choice("goal", ("maximize", "minimize")),
        "primary_metric": part.text("primary_metric", required=True),
    }


def _limits(file: Section) -> dict[str, Any]:
    part = file.section("limits")
    part.check_fields(("max_total_trials", "max_concurrent_trials", "timeout", "trial_timeout"))
    total = part.integer("max_total_trials", least=1)
    if total and total > MOST_TRIALS:
        part.wrong("max_total_trials", f"is {total}; a sweep may have {MOST_TRIALS} trials.")
    total = total or MOST_TRIALS
    concurrent = part.integer("max_concurrent_trials", least=1) or total
    if concurrent > total:
        part.wrong("max_concurrent_trials", f"is {concurrent}; it may be at most max_total_trials, {total}.")
    trial_timeout = part.integer("trial_timeout", least=1)
    return {
        "max_total_trials": total,
        "max_concurrent_trials": concurrent,
        "timeout": part.integer("timeout", least=1),
        "trial_timeout": float(trial_timeout) if trial_timeout else None,
    }


def _policy(file: Section) -> dict[str, Any] | None:
    part = file.section("early_termination", "an early termination policy")
    if not part.values:
        return None
    if "type" not in part:
        part.wrong("type", f"is missing; it must be one of: {', '.join(POLICIES)}.")
    kind = part.choice("type", POLICIES)
    if kind is None:
        return None
    part.check_fields(("type", "evaluation_interval", "delay_evaluation", *POLICIES[kind]))
    policy = {
        "type": kind,
        "evaluation_interval": part.integer("evaluation_interval") or 1,
        "delay_evaluation": part.integer("delay_evaluation") or 0,
    }
    if kind == "bandit":
        policy |= {name: number(part, name, required=False) for name in POLICIES[kind]}
        if ("slack_factor" in part) == ("slack_amount" in part):
            part.wrong("slack_factor", "or `slack_amount` must be given, one of them.")
        for name in POLICIES[kind]:
            if policy[name] is not None and policy[name] < 0:
                part.wrong(name, f"is {policy[name]}; it must be 0 or more.")
    elif kind == "truncation_selection":
        percentage = part.integer("truncation_percentage", least=1)
        if percentage is None or percentage > 99:
            part.wrong("truncation_percentage", "must be a whole number from 1 to 99.")
        policy["truncation_percentage"] = percentage
        policy["exclude_finished_jobs"] = part.boolean("exclude_finished_jobs", False)
    return policy
