"""A compiled model as a function of rows: ONNX Runtime, with as little around it as one row allows."""

from collections.abc import Mapping
from typing import Any


class Graph:
    """`input` and `output` are described in `app/endpoints/compilation.py`. Used by one thread at a time."""

    def __init__(self, graph: bytes, input: Mapping[str, Any], output: Mapping[str, Any]) -> None:
        """Raises whatever ONNX Runtime does of a graph that it cannot load."""
        # Imported here: a gateway that serves no compiled model holds none of it.
        import numpy
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A run that is given none makes its own, and looks for this entry by catching an exception.
        self._options = onnxruntime.RunOptions()
        self._options.log_severity_level = 3
        self._options.add_run_config_entry("gpu_graph_id", "-1")
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._input_name = self._session.get_inputs()[0].name
        self._output_name = output["name"]
        self._numpy = numpy
        self._dtype = numpy.dtype(input["dtype"])
        self.shape = tuple(input["shape"])
        self._most = input["most"]
        self._whole = [place for place, whole in enumerate(input["whole"]) if whole]
        self._tail = tuple(output["tail"])
        self._row: Any = None
        self._found: Any = None
        self._binding: Any = None

    def predict(self, rows: list) -> list | None:
        """One prediction a row, or None where the rows are not all numbers of the shape that was compared.

        Raises whatever ONNX Runtime does.
        """
        if len(rows) == 1 and len(self.shape) == 1:
            return self._predict_one(rows[0])
        found = self._array(rows)
        return None if found is None else self._run(found).tolist()

    def _predict_one(self, row: list) -> list | None:
        """The buffers of a single row are bound once, which takes less than half the time of a run."""
        if type(row) is not list or len(row) != self.shape[0]:
            return None
        try:
            if max(row) > self._most or min(row) < -self._most:
                return None
        except TypeError:
            # What JSON has beside numbers can be compared with none.
            return None
        if self._whole and any(row[place] % 1 for place in self._whole):
            return None
        if self._binding is None:
            self._row = self._numpy.array([row], dtype=self._dtype)
            found = self._run(self._row)
            self._bind(found)
            return found.tolist()
        self._row[0] = row
        self._session.run_with_iobinding(self._binding, self._options)
        return self._found.tolist()

    def _bind(self, found: Any) -> None:
        if found.dtype.kind not in "fi":
            return
        raw = self._session.run([self._output_name], {self._input_name: self._row})[0]
        result = self._numpy.empty_like(raw)
        binding = self._session.io_binding()
        for bind, name, buffer in (
            (binding.bind_input, self._input_name, self._row),
            (binding.bind_output, self._output_name, result),
        ):
            bind(name, "cpu", 0, buffer.dtype, buffer.shape, buffer.ctypes.data)
        self._found = result.reshape(1, *self._tail)
        self._binding = binding

    def _run(self, rows: Any) -> Any:
        found = self._session.run([self._output_name], {self._input_name: rows}, self._options)[0]
        return found.reshape(len(rows), *self._tail)

    def _array(self, rows: list) -> Any:
        """Rows as the graph takes them, or None."""
        try:
            found = self._numpy.array(rows)
        except (ValueError, TypeError, OverflowError):
            return None
        if found.shape[1:] != self.shape or found.dtype.kind not in "if":
            return None
        if not (found.max() <= self._most and found.min() >= -self._most):
            return None
        if self._whole and found.dtype.kind == "f" and (found[:, self._whole] % 1).any():
            return None
        return found.astype(self._dtype, copy=False)
