"""MLflow's calls for numbers over many traces."""

import math

from fastapi import APIRouter, Response

from app.access.guard import CallerDep, allow
from app.dialects.mlflow.arguments import Arguments, ArgumentsDep, answer, paged
from app.errors import Invalid
from app.experiments import queries as experiments
from app.traces import correlation, metrics
from app.traces.metrics import Aggregation, Wanted
from app.traces.permissions import READ
from app.traces.tables import Trace
from app.web.session import ReadSessionDep

router = APIRouter(prefix="/traces")
DEFAULT_POINTS, MOST_POINTS = 1000, 10_000
_VIEWS = {"TRACES": "TRACES", "SPANS": "SPANS", "ASSESSMENTS": "ASSESSMENTS"}
_VIEWS |= {"1": "TRACES", "2": "SPANS", "3": "ASSESSMENTS"}
_TYPES = ("COUNT", "SUM", "AVG", "PERCENTILE", "MIN", "MAX")
_AGGREGATIONS = {name: name for name in _TYPES} | {str(number): name for number, name in enumerate(_TYPES, 1)}


@router.post("/metrics", dependencies=[allow(READ)])
def query(arguments: ArgumentsDep, session: ReadSessionDep, caller: CallerDep) -> Response:
    offset, count = arguments.offset(), arguments.count(DEFAULT_POINTS, MOST_POINTS)
    wanted = _wanted(arguments)
    among = [
        Trace.workspace_id == caller.workspace.id,
        Trace.experiment_id.in_(_experiments(arguments, session, caller)),
    ]
    found = metrics.query(session, among, wanted, offset=offset, count=count + 1)
    points = [{"metric_name": wanted.metric, "dimensions": one.dimensions, "values": one.values} for one in found]
    return paged("data_points", points, offset, count)


def _experiments(arguments: Arguments, session, caller) -> list[int]:
    named = arguments.texts("experiment_ids")
    if not named:
        raise Invalid("Missing value for required parameter 'experiment_ids'.", target="experiment_ids")
    return experiments.ids(session, caller.workspace.id, named)


def _wanted(arguments: Arguments) -> Wanted:
    view = arguments.text("view_type")
    arguments.choice("view_type", _VIEWS)
    return Wanted(
        view=_VIEWS[view],
        metric=arguments.text("metric_name"),
        aggregations=[_aggregation(one) for one in arguments.objects("aggregations")],
        dimensions=arguments.texts("dimensions"),
        filters=arguments.texts("filters"),
        interval_seconds=_interval(arguments),
        start_ms=arguments.integer("start_time_ms") if "start_time_ms" in arguments else None,
        end_ms=arguments.integer("end_time_ms") if "end_time_ms" in arguments else None,
    )


def _interval(arguments: Arguments) -> int:
    seconds = arguments.integer("time_interval_seconds", 0)
    if not 0 <= seconds <= 10**9:
        raise Invalid(
            f"time_interval_seconds: it must be a positive number of seconds, not {seconds}.",
            target="time_interval_seconds",
        )
    return seconds


def _aggregation(given: Arguments) -> Aggregation:
    given.text("aggregation_type")
    kind = _AGGREGATIONS[given.choice("aggregation_type", _AGGREGATIONS)]
    if kind != "PERCENTILE":
        if "percentile_value" in given:
            raise Invalid(
                f"Percentile value is only allowed for PERCENTILE aggregation type, got {kind}.", target="aggregations"
            )
        return Aggregation(kind)
    percent = given.number("percentile_value")
    if not 0 <= percent <= 100:
        raise Invalid(f"Percentile value must be between 0 and 100, got {percent}.", target="aggregations")
    return Aggregation(kind, percent)


@router.post("/calculate-filter-correlation", dependencies=[allow(READ)])
def correlate(arguments: ArgumentsDep, session: ReadSessionDep, caller: CallerDep) -> Response:
    found = correlation.correlate(
        session, caller.workspace.id, _experiments(arguments, session, caller),
        arguments.text("filter_string1"), arguments.text("filter_string2"), arguments.optional_text("base_filter"),
    )  # fmt: skip
    counts = {"filter1_count": found.first, "filter2_count": found.second}
    counts |= {"joint_count": found.joint, "total_count": found.total}
    return answer({"npmi": _number(found.npmi), "npmi_smoothed": _number(found.smoothed)} | counts)


def _number(value: float) -> float | str:
    return "NaN" if math.isnan(value) else value
