"""Compiles a deployment's model to ONNX and says whether it answers as the model itself does.

python compilation.py --config config.json
"""

import argparse
import json
import math
import os
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Run by path: siblings are reached as a package, and nothing of it stays on the user's import path.
_HERE = str(Path(__file__).resolve().parent)
sys.path[:] = [str(Path(_HERE).parent), *(place for place in sys.path if Path(place or ".").resolve() != Path(_HERE))]
from guest import bodies, custom_model, mlflow_model  # noqa: E402
from guest.conversion import NotConvertible, convert, framework_of, width_of  # noqa: E402

sys.path.pop(0)

TOLERANCE = 1e-4
"""Numbers may differ by so much, absolute plus relative; labels not at all."""
ROWS = 256
TIMED_SECONDS = 0.15
NUMBERS = {"double": "float32", "float": "float32", "long": "float32", "integer": "float32"}


@dataclass
class Input:
    """`columns` are names or None; `whole` says which columns take whole numbers only."""

    shape: tuple[int, ...]
    columns: list[str] | None
    whole: list[bool]
    example: list | None


def compile_model(kind: str, folder: Path) -> tuple[bytes, dict]:
    """The graph, and what is known of it (`app/endpoints/compilation.py` describes the fields).

    Raises NotConvertible with one sentence.
    """
    if kind == "mlflow_model":
        model = mlflow_model.MlflowModel(folder)
        native, taken = model.native(), _of_signature(model)
    else:
        model = custom_model.FileModel(folder)
        native = model.native
        width = width_of(native)
        taken = Input((width,), None, [False] * width, None)
    framework = framework_of(native)
    rows = _rows(taken)
    expected = _plain(model, rows)
    reasons = []
    for dtype in ("float32", "float64"):
        try:
            graph = convert(native, taken.shape, dtype)
            described = _compared(graph, dtype, rows, expected)
        except NotConvertible as error:
            reasons.append(str(error))
            continue
        timing = {"plain_ms": _time(lambda: _plain(model, rows[:1])), "compiled_ms": _time(_runner(graph, dtype, rows))}
        taken_as = {"shape": list(taken.shape), "columns": taken.columns, "whole": taken.whole, "dtype": dtype}
        taken_as["most"] = _most(rows) * (10 if taken.example else 1)
        return graph, {"framework": framework, "input": taken_as, **described, **timing}
    raise NotConvertible(reasons[0])


def _of_signature(model: mlflow_model.MlflowModel) -> Input:
    signature = model.signature
    example = model.example()
    if signature is None:
        width = width_of(model.native())
        return Input((width,), None, [False] * width, example)
    if signature.tensors:
        tensor = signature.tensors[0]
        if len(signature.tensors) > 1 or signature.is_named or -1 in tensor.shape[1:] or not tensor.dtype == "float32":
            raise NotConvertible("The signature is not one tensor of float32 with a known shape.")
        return Input(tuple(tensor.shape[1:]), None, [], example)
    odd = next((column for column in signature.columns if column.type not in NUMBERS or not column.required), None)
    if odd is not None:
        what = "optional" if odd.type in NUMBERS else odd.type
        raise NotConvertible(f"Column {odd.name!r} is {what}; rows of required numbers are compiled.")
    whole = [column.type in ("long", "integer") for column in signature.columns]
    return Input((len(whole),), signature.names if signature.is_named else None, whole, example)


def _rows(taken: Input) -> list:
    """The input example first, then rows like it, or of normal numbers of four sizes where there is none."""
    import numpy

    random = numpy.random.default_rng(0)
    example = taken.example
    if example:
        base = numpy.asarray(example, dtype="float64")
        spread = numpy.maximum(base.std(axis=0), 0.1 * numpy.abs(base).mean(axis=0)) + 0.1
        made = base[random.integers(0, len(base), ROWS)] + random.normal(size=(ROWS, *taken.shape)) * spread
    else:
        made = random.normal(size=(ROWS, *taken.shape))
        made *= numpy.repeat([0.1, 1, 100, 10_000], ROWS // 4).reshape(-1, *[1] * len(taken.shape))
    if any(taken.whole):
        made[:, taken.whole] = numpy.round(made[:, taken.whole])
    # What clients send as text is the same number for both.
    rows = numpy.round(made, 4).astype("float32").astype("float64").tolist()
    if any(taken.whole):
        rows = [[int(cell) if whole else cell for cell, whole in zip(row, taken.whole, strict=True)] for row in rows]
    return (list(example[:64]) if example else []) + rows


def _most(rows: list) -> float:
    import numpy

    return float(numpy.abs(numpy.asarray(rows, dtype="float64")).max())


def _plain(model: Any, rows: list) -> Any:
    return json.loads(model.score(json.dumps({"input_data": rows}).encode(), "application/json", wrapped=False))


def _session(graph: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _compared(graph: bytes, dtype: str, rows: list, expected: Any) -> dict:
    """How the graph's answers compare, for the first of its outputs that has the model's form."""
    import numpy

    session = _session(graph)
    found = session.run(None, {session.get_inputs()[0].name: numpy.asarray(rows, dtype=dtype)})
    wanted, columns = _unwrapped(expected)
    reasons = []
    for place, output in enumerate(found):
        try:
            parity = _parity(numpy.asarray(output), wanted)
        except NotConvertible as error:
            reasons.append(str(error))
            continue
        tail = list(wanted.shape[1:])
        name = session.get_outputs()[place].name
        return {"output": {"name": name, "tail": tail, "columns": columns}, "parity": {**parity, "rows": len(rows)}}
    raise NotConvertible(reasons[0])


def _unwrapped(expected: Any) -> tuple[Any, list[str] | None]:
    """The answers as an array, and the names of columns where they are records."""
    import numpy

    if not isinstance(expected, list) or not expected:
        raise NotConvertible("The model does not answer with one prediction a row.")
    columns = None
    if isinstance(expected[0], dict):
        columns = list(expected[0])
        expected = [[row[name] for name in columns] for row in expected]
    try:
        wanted = numpy.asarray(expected)
    except ValueError:
        raise NotConvertible("The model's answers have no common shape.") from None
    if wanted.dtype.kind not in "biufU":
        raise NotConvertible("The model's answers are neither numbers nor labels.")
    return wanted, columns


def _parity(got: Any, wanted: Any) -> dict:
    import numpy

    if len(got) != len(wanted) or math.prod(got.shape) != math.prod(wanted.shape):
        raise NotConvertible(f"Compiled it answers with the shape {got.shape}, the model with {wanted.shape}.")
    got = got.reshape(wanted.shape)
    if wanted.dtype.kind != "f":
        if got.dtype.kind == "f" or not (got.astype(wanted.dtype) == wanted).all():
            wrong = int((got.astype(str) != wanted.astype(str)).reshape(len(wanted), -1).any(axis=1).sum())
            raise NotConvertible(f"Compiled it answers {wrong} of {len(wanted)} rows with other labels.")
        return {"kind": "labels", "max_abs": 0.0, "max_rel": 0.0, "tolerance": 0.0}
    if got.dtype.kind != "f":
        raise NotConvertible("Compiled it answers with labels, the model with numbers.")
    far = numpy.abs(got.astype("float64") - wanted)
    if not (far <= TOLERANCE + TOLERANCE * numpy.abs(wanted)).all():
        raise NotConvertible(f"Compiled its answers differ by up to {far.max():.3g}; {TOLERANCE:g} is allowed.")
    relative = far / numpy.maximum(numpy.abs(wanted), 1e-12)
    return {
        "kind": "numbers",
        "max_abs": float(far.max()),
        "max_rel": float(relative[numpy.abs(wanted) > TOLERANCE].max(initial=0.0)),
        "tolerance": TOLERANCE,
    }


def _runner(graph: bytes, dtype: str, rows: list) -> Any:
    import numpy

    session, body = _session(graph), json.dumps({"input_data": rows[:1]})
    name = session.get_inputs()[0].name

    def run() -> None:
        read = bodies.read(body.encode(), "application/json")
        json.dumps(session.run(None, {name: numpy.asarray(read.data, dtype=dtype)})[0].tolist())

    return run


def _time(work: Any) -> float:
    """Milliseconds that one row takes, body read and answer written."""
    work()
    started, times = time.perf_counter(), 0
    while time.perf_counter() - started < TIMED_SECONDS:
        work()
        times += 1
    return (time.perf_counter() - started) / times * 1000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    config = json.loads(parser.parse_args().config.read_text())
    # The model is being served meanwhile.
    os.nice(10)
    # Last, so that what the environment has itself is what its models see.
    sys.path.append(config["tools"])
    folder = Path(config["output_folder"])
    try:
        graph, described = compile_model(config["kind"], Path(config["model_folder"]))
        (folder / "model.onnx").write_bytes(graph)
        result = {"state": "compiled", "bytes": len(graph), **described}
    except NotConvertible as error:
        result = {"state": "plain", "reason": str(error)}
    except Exception as error:
        traceback.print_exc()
        result = {"state": "plain", "reason": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
    written = folder / "result.json.new"
    written.write_text(json.dumps(result))
    written.replace(folder / "result.json")
    sys.stdout.flush()
    # Threads of a framework may wait for ever at a regular end.
    os._exit(0)


if __name__ == "__main__":
    main()
