"""Turns models into ONNX graphs, with whichever converter knows them."""

import io
import warnings
from typing import Any

# Far below what any framework needs, and known to each of the converters.
OPSET = 17


class NotConvertible(Exception):
    """Says why a model is served by its own framework."""


def framework_of(model: Any) -> str:
    """`sklearn`, `xgboost`, `lightgbm` or `torch`. Raises NotConvertible for any other."""
    for kind in type(model).__mro__:
        root = kind.__module__.partition(".")[0]
        if root in ("xgboost", "lightgbm", "torch", "sklearn"):
            return root
    raise NotConvertible(f"No converter knows {type(model).__module__}.{type(model).__name__}.")


def width_of(model: Any) -> int:
    """How many features a row has, as the model itself says. Raises NotConvertible."""
    for name in ("n_features_in_", "n_features_"):
        if isinstance(getattr(model, name, None), int):
            return getattr(model, name)
    for name in ("num_features", "num_feature"):
        if hasattr(model, name):
            return int(getattr(model, name)())
    if framework_of(model) == "torch":
        weight = next((found for found in model.parameters() if found.dim() >= 2), None)
        if weight is not None and weight.dim() == 2:
            return int(weight.shape[1])
    raise NotConvertible("Neither a signature nor the model says how many features a row has.")


def convert(model: Any, shape: tuple[int, ...], dtype: str) -> bytes:
    """An ONNX graph whose one input has `shape` behind the rows; `dtype` is float32 or float64.

    Raises NotConvertible.
    """
    framework = framework_of(model)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if framework == "torch":
                return _torch(model, shape, dtype)
            if len(shape) != 1:
                raise NotConvertible(f"{framework} models take rows of numbers; the signature says {shape}.")
            return _trees_and_estimators(framework, model, shape[0], dtype)
    except NotConvertible:
        raise
    except BaseException as error:
        reason = " ".join(str(error).split())[:300]
        raise NotConvertible(f"The converter refused it: {type(error).__name__}: {reason}") from error


def _trees_and_estimators(framework: str, model: Any, width: int, dtype: str) -> bytes:
    if framework == "sklearn":
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

        kind = FloatTensorType if dtype == "float32" else DoubleTensorType
        return convert_sklearn(
            model, initial_types=[("input", kind([None, width]))], options=_options(model), target_opset=OPSET
        ).SerializeToString()
    if dtype != "float32":
        raise NotConvertible(f"{framework} models are converted with float32 only.")
    import onnxmltools
    from onnxmltools.convert.common.data_types import FloatTensorType

    known = {"initial_types": [("input", FloatTensorType([None, width]))], "target_opset": 15}
    if framework == "xgboost":
        graph = onnxmltools.convert_xgboost(model, **known)
    else:
        graph = onnxmltools.convert_lightgbm(model, zipmap=False, **known)
    return _with_second_class(graph).SerializeToString()


def _with_second_class(graph: Any) -> Any:
    """A booster of two classes answers with the probability of the second, its graph with those of both."""
    from onnx import TensorProto, helper

    found = next((output.name for output in graph.graph.output if output.name == "probabilities"), None)
    if found is not None:
        graph.graph.initializer.append(helper.make_tensor("second", TensorProto.INT64, [], [1]))
        graph.graph.node.append(helper.make_node("Gather", [found, "second"], ["second_class"], axis=1))
        graph.graph.output.append(helper.make_tensor_value_info("second_class", TensorProto.FLOAT, [None]))
    return graph


def _options(model: Any) -> dict | None:
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    return {id(last): {"zipmap": False}} if hasattr(last, "predict_proba") else None


def _torch(model: Any, shape: tuple[int, ...], dtype: str) -> bytes:
    import torch

    if dtype != "float32":
        raise NotConvertible("PyTorch models are converted with float32 only.")
    example = torch.zeros((2, *shape), dtype=torch.float32)
    names = {"input_names": ["input"], "output_names": ["output"]}
    axes = {"input": {0: "rows"}, "output": {0: "rows"}}
    if isinstance(model, torch.jit.ScriptModule) or not isinstance(model, torch.fx.GraphModule):
        model.eval()
    written = io.BytesIO()
    try:
        with torch.no_grad():
            torch.onnx.export(model, (example,), written, dynamo=False, dynamic_axes=axes, opset_version=OPSET, **names)
        return written.getvalue()
    except Exception:
        if isinstance(model, torch.jit.ScriptModule):
            raise
    rows = ({0: torch.export.Dim.DYNAMIC},)
    return torch.onnx.export(
        model, (example,), dynamo=True, dynamic_shapes=rows, **names
    ).model_proto.SerializeToString()
