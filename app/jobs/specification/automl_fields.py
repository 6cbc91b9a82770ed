"""Which fields an AutoML job of Azure ML CLI v2 has, by task, and what each holds.

Source: the AutoML schemas of azure-ai-ml 1.35. A kind is a type, a tuple of the words that are allowed (with a type
among them: a value of that type is allowed as well), a list of one kind for a list, or a mapping for a section.
"""

from typing import Any

Kind = type | tuple | list | dict[str, Any]

DATA = ("training_data", "validation_data", "test_data")

_CLASSIFICATION_METRICS = (
    "auc_weighted",
    "accuracy",
    "norm_macro_recall",
    "average_precision_score_weighted",
    "precision_score_weighted",
)
_REGRESSION_METRICS = (
    "spearman_correlation",
    "normalized_root_mean_squared_error",
    "r2_score",
    "normalized_mean_absolute_error",
)
_TREES = ("gradient_boosting", "decision_tree", "knn", "sgd", "random_forest", "extreme_random_trees", "light_gbm")
_CLASSIFIERS = (
    *_TREES,
    "logistic_regression",
    "multinomial_naive_bayes",
    "bernoulli_naive_bayes",
    "svm",
    "linear_svm",
    "xg_boost_classifier",
)
_REGRESSORS = (*_TREES, "elastic_net", "lasso_lars", "xg_boost_regressor")
_FORECASTERS = (
    *_REGRESSORS,
    "auto_arima",
    "prophet",
    "naive",
    "seasonal_naive",
    "average",
    "seasonal_average",
    "exponential_smoothing",
    "arimax",
    "tcn_forecaster",
)
_TRANSFORMERS = (
    "text_target_encoder",
    "one_hot_encoder",
    "cat_target_encoder",
    "tf_idf",
    "wo_e_target_encoder",
    "label_encoder",
    "word_embedding",
    "naive_bayes",
    "count_vectorizer",
    "hash_one_hot_encoder",
)
_TABLE_LIMITS = {
    "enable_early_termination": bool,
    "exit_score": float,
    "max_concurrent_trials": int,
    "max_cores_per_trial": int,
    "max_nodes": int,
    "max_trials": int,
    "timeout_minutes": int,
    "trial_timeout_minutes": int,
}
_TABLE_FEATURIZATION = {
    "mode": ("auto", "off", "custom"),
    "dataset_language": str,
    "blocked_transformers": [_TRANSFORMERS],
    "column_name_and_types": dict,
    "transformer_params": dict,
    "enable_dnn_featurization": bool,
}
_FORECASTING = {
    "country_or_region_for_holidays": str,
    "cv_step_size": int,
    "forecast_horizon": ("auto", int),
    "target_lags": ("auto", int, [int]),
    "target_rolling_window_size": ("auto", int),
    "time_column_name": str,
    "time_series_id_column_names": (str, [str]),
    "frequency": str,
    "feature_lags": ("none", "auto"),
    "seasonality": ("auto", int),
    "short_series_handling_config": ("none", "auto", "pad", "drop"),
    "use_stl": ("none", "season", "seasontrend"),
    "target_aggregate_function": ("none", "sum", "max", "min", "mean"),
    "features_unknown_at_forecast_time": (str, [str]),
}
_SWEEP = {"sampling_algorithm": ("random", "grid", "bayesian", dict), "early_termination": dict}
_DEEP = {"sweep": _SWEEP, "training_parameters": dict, "search_space": [dict]}
_IMAGE = _DEEP | {
    "limits": {"max_concurrent_trials": int, "max_trials": int, "timeout_minutes": int},
    "validation_data_size": float,
    "test_data_size": float,
}
_TEXT = _DEEP | {
    "limits": _IMAGE["limits"] | {"max_nodes": int, "trial_timeout_minutes": int},
    "featurization": {"dataset_language": str},
}


def _training(algorithms: tuple[str, ...]) -> dict[str, Kind]:
    return {
        "enable_dnn_training": bool,
        "enable_model_explainability": bool,
        "enable_onnx_compatible_models": bool,
        "enable_stack_ensemble": bool,
        "enable_vote_ensemble": bool,
        "ensemble_model_download_timeout_minutes": int,
        "stack_ensemble_settings": dict,
        "training_mode": ("auto", "distributed", "non_distributed"),
        "allowed_training_algorithms": [algorithms],
        "blocked_training_algorithms": [algorithms],
    }


def _table(metrics: tuple[str, ...], algorithms: tuple[str, ...], **more: Kind) -> dict[str, Kind]:
    return {
        "limits": _TABLE_LIMITS,
        "featurization": _TABLE_FEATURIZATION,
        "validation_data_size": float,
        "test_data_size": float,
        "cv_split_column_names": [str],
        "n_cross_validations": ("auto", int),
        "weight_column_name": str,
        "primary_metric": metrics,
        "training": _training(algorithms),
        **more,
    }


def _deep(family: dict[str, Kind], *metrics: str) -> dict[str, Kind]:
    return {**family, "primary_metric": metrics}


TASKS: dict[str, dict[str, Kind]] = {
    "classification": _table(_CLASSIFICATION_METRICS, _CLASSIFIERS, positive_label=str),
    "regression": _table(_REGRESSION_METRICS, _REGRESSORS),
    "forecasting": _table(_REGRESSION_METRICS, _FORECASTERS, forecasting=_FORECASTING),
    "image_classification": _deep(_IMAGE, *_CLASSIFICATION_METRICS),
    "image_classification_multilabel": _deep(_IMAGE, *_CLASSIFICATION_METRICS, "iou"),
    "image_object_detection": _deep(_IMAGE, "mean_average_precision"),
    "image_instance_segmentation": _deep(_IMAGE, "mean_average_precision"),
    "text_classification": _deep(_TEXT, *_CLASSIFICATION_METRICS),
    "text_classification_multilabel": _deep(_TEXT, "accuracy"),
    "text_ner": _deep(_TEXT, "accuracy"),
}
"""The fields of each task beside those that all of them have."""
