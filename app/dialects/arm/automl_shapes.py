"""The task of an AutoML job as Azure's clients send it, and as a job file says it.

Source: AutoMLJob and its verticals in api-version 2024-01-01-preview, in which azure-ai-ml sends `taskDetails`.
"""

from collections.abc import Mapping
from typing import Any

from app.dialects.arm.job_parts import inputs_of
from app.dialects.arm.wire import camel, duration, fields, mapping, pascal, said, seconds, snake
from app.errors import Invalid
from app.jobs.specification.automl_fields import DATA
from app.jobs.specification.search_space import DISTRIBUTIONS

_FIELD = "properties.taskDetails"
_SECTIONS = {
    "featurizationSettings": "featurization",
    "limitSettings": "limits",
    "trainingSettings": "training",
    "forecastingSettings": "forecasting",
    "sweepSettings": "sweep",
    "modelSettings": "training_parameters",
    "fixedParameters": "training_parameters",
}
_MINUTES = {
    "timeout": "timeout_minutes",
    "trialTimeout": "trial_timeout_minutes",
    "ensembleModelDownloadTimeout": "ensemble_model_download_timeout_minutes",
}
_WORDS = ("samplingAlgorithm", "trainingMode", "mode", "allowedTrainingAlgorithms", "blockedTrainingAlgorithms")
_WORDS += ("blockedTransformers",)
_LOWER = ("featureLags", "useStl", "shortSeriesHandlingConfig", "targetAggregateFunction")
_MODES = ("cvStepSize", "forecastHorizon", "targetLags", "targetRollingWindowSize", "seasonality", "nCrossValidations")
_NOT_OF_FILES = ("sweepConcurrentTrials", "sweepTrials")
_TASKS = {"text_ner": "TextNER"}
# Where the words of a name do not tell its capitals.
_SPELLED = {
    "auc_weighted": "AUCWeighted",
    "light_gbm": "LightGBM",
    "knn": "KNN",
    "sgd": "SGD",
    "svm": "SVM",
    "linear_svm": "LinearSVM",
    "xg_boost_classifier": "XGBoostClassifier",
    "xg_boost_regressor": "XGBoostRegressor",
    "tcn_forecaster": "TCNForecaster",
    "wo_e_target_encoder": "WoETargetEncoder",
}


def task_of(asked: Mapping[str, Any]) -> dict[str, Any]:
    """`taskDetails` as the fields of a job file; what they hold is checked by the reader of job files."""
    details = mapping(asked, "taskDetails")
    known = (*map(camel, DATA), *_SECTIONS, "taskType", "searchSpace", "primaryMetric", "logVerbosity")
    found = {snake(name): _value(name, item) for name, item in details.items() if name not in known}
    words = {"task": "taskType", "primary_metric": "primaryMetric", "log_verbosity": "logVerbosity"}
    found |= {to: snake(str(details[of])) for to, of in words.items() if details.get(of)}
    for name in (name for name in _SECTIONS if details.get(name)):
        found[_SECTIONS[name]] = _section(mapping(details, name, _FIELD))
    data = {name: mapping(details, name, _FIELD) for name in map(camel, DATA) if details.get(name)}
    found |= {snake(name): item for name, item in inputs_of(data).items()}
    spaces = details.get("searchSpace") or []
    if not isinstance(spaces, list) or not all(isinstance(space, dict) for space in spaces):
        raise Invalid(f"{_FIELD}.searchSpace: must be a list of objects.", target=f"{_FIELD}.searchSpace")
    found["search_space"] = [fields(space) for space in spaces] or None
    return said(
        {"environment_id": asked.get("environmentId"), "resources": fields(mapping(asked, "resources"))} | found
    )


def _section(asked: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: item for name, item in asked.items() if name not in _NOT_OF_FILES}
    return said({_MINUTES.get(name) or snake(name): _value(name, item) for name, item in given.items()})


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _MINUTES:
        length = seconds(value, f"{_FIELD}.{name}")
        return None if length is None else max(1, round(length / 60))
    if name in _MODES and isinstance(value, dict):
        return "auto" if str(value.get("mode")).lower() == "auto" else value.get("value", value.get("values"))
    if name in _LOWER:
        return str(value).lower()
    if name in _WORDS:
        return [snake(str(word)) for word in value] if isinstance(value, list) else snake(str(value))
    if name == "transformerParams":
        return {snake(str(step)): settings for step, settings in value.items()}
    if name == "earlyTermination":
        return {"type": snake(str(value.get("policyType")))} | fields(value, without=["policyType"])
    return fields(value) if name == "stackEnsembleSettings" else value


def details_of(automl: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """A task and its settings as clients read them; `data` are the tables as inputs of the wire, by their names."""
    task = automl["task"]
    sections = {name: automl[of] for name, of in _SECTIONS.items() if of in automl}
    # Tasks on text call them otherwise than those on images.
    sections.pop("modelSettings" if task.startswith("text") else "fixedParameters", None)
    plain = set(automl) - set(_SECTIONS.values()) - {"task", "search_space"}
    found: dict[str, Any] = {camel(name): _told(camel(name), automl[name]) for name in plain}
    found |= {name: _section_told(section) for name, section in sections.items()}
    if spaces := automl.get("search_space"):
        found["searchSpace"] = [{camel(name): _distribution(value) for name, value in one.items()} for one in spaces]
    tables = {camel(name): port for name, port in data.items()}
    return said(found | tables) | {"taskType": _TASKS.get(task) or pascal(task)}


def _section_told(section: Mapping[str, Any]) -> dict[str, Any]:
    wired = {name: word for word, name in _MINUTES.items()}
    return {
        wired.get(name) or camel(name): _told(wired.get(name) or camel(name), item) for name, item in section.items()
    }


def _told(name: str, value: Any) -> Any:
    if name in _MINUTES:
        return duration(value * 60)
    if name in _MODES:
        custom = {"values" if name == "targetLags" else "value": value, "mode": "Custom"}
        return {"mode": "Auto"} if value == "auto" else custom
    if name in (*_WORDS, "primaryMetric", "logVerbosity"):
        return [_spelled(word) for word in value] if isinstance(value, list) else _spelled(value)
    if name == "transformerParams":
        return {pascal(step): settings for step, settings in value.items()}
    if name == "earlyTermination":
        return {"policyType": pascal(value["type"])} | {
            camel(key): item for key, item in value.items() if key != "type"
        }
    return {camel(key): item for key, item in value.items()} if name == "stackEnsembleSettings" else value


def _spelled(word: Any) -> str:
    return _SPELLED.get(word) or pascal(str(word))


def _distribution(value: Any) -> str:
    """`{type: choice, values: [a, b]}` as `choice('a','b')`."""
    if not isinstance(value, dict):
        return str(value)
    kind = str(value.get("type"))
    given = [value.get(name) for name in DISTRIBUTIONS.get(kind, ())]
    arguments = given[0] if kind == "choice" and isinstance(given[0], list) else given
    shown = (repr(one) if isinstance(one, str) else str(one) for one in arguments)
    return f"{kind}({','.join(shown)})"
