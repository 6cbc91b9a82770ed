"""Which file of a model's folder is served, and how."""

import json
import sys

import pytest

from tests.endpoints.test_compiled import GRAPH
from workers.serving.guest import model_files
from workers.serving.guest.custom_model import FileModel
from workers.serving.guest.errors import BadInput, ScoringError

MODEL = """
from pathlib import Path

class Threshold:
    def load(self, folder):
        self.limit = float(Path(folder, "limit.txt").read_text())

    def predict(self, data):
        return [row[0] > self.limit for row in data]
"""


def score(model, body: dict, wrapped: bool = False):
    return json.loads(model.score(json.dumps(body).encode(), "application/json", wrapped=wrapped))


def test_a_class_with_load_and_predict_is_served_with_the_files_beside_it(tmp_path):
    (tmp_path / "threshold_model.py").write_text(MODEL)
    (tmp_path / "limit.txt").write_text("2")
    (tmp_path / "weights.pt").write_bytes(b"")
    model = FileModel(tmp_path)
    assert score(model, {"input_data": [[1], [3]]}) == [False, True]
    assert score(model, {"inputs": [[3]]}, wrapped=True) == {"predictions": [True]}


def test_a_graph_is_served_and_says_what_it_refuses(tmp_path):
    (tmp_path / "model.onnx").write_bytes(GRAPH)
    model = FileModel(tmp_path)
    assert score(model, {"input_data": [[1, 2], [3, 4]]}) == [[6.0], [14.0]]
    assert score(model, {"inputs": {"x": [[1, 2]]}}) == [[6.0]]
    with pytest.raises(BadInput, match="inputs x"):
        score(model, {"inputs": {"y": [[1, 2]]}})


def test_the_newest_version_in_the_layout_of_triton_is_served(tmp_path):
    for version in ("2", "10"):
        (tmp_path / "doubler" / version).mkdir(parents=True)
        (tmp_path / "doubler" / version / "model.onnx").write_bytes(GRAPH)
    (tmp_path / "doubler" / "config.pbtxt").write_text('platform: "onnxruntime_onnx"')
    found = model_files.find_triton(tmp_path)
    assert found.parent.name == "10"
    assert score(FileModel(found), {"input_data": [[1, 2]]}) == [[6.0]]
    (tmp_path / "other" / "1").mkdir(parents=True)
    (tmp_path / "other" / "1" / "model.onnx").write_bytes(GRAPH)
    with pytest.raises(ScoringError, match="found doubler, other"):
        model_files.find_triton(tmp_path)


def test_files_that_only_look_like_models_are_none(tmp_path):
    (tmp_path / "config.json").write_text('{"a": 1}')
    (tmp_path / "notes.txt").write_text("tree or no tree")
    (tmp_path / "train.py").write_text("class Net:\n    def predict(self): ...\n")
    with pytest.raises(ScoringError, match="found no such file"):
        model_files.find(tmp_path)
    (tmp_path / "booster.json").write_text('{"learner": {}, "version": [2, 0, 0]}')
    assert model_files.find(tmp_path).name == "booster.json"
    (tmp_path / "trees.txt").write_text("tree\nversion=v4\n")
    with pytest.raises(ScoringError, match=r"booster\.json, trees\.txt"):
        model_files.find(tmp_path)


def test_the_newest_version_in_the_layout_of_tensorflow_serving_is_found(tmp_path):
    for version in ("9", "10"):
        (tmp_path / "half_plus_two" / version).mkdir(parents=True)
        (tmp_path / "half_plus_two" / version / "saved_model.pb").write_bytes(b"")
        (tmp_path / "half_plus_two" / version / "fingerprint.pb").write_bytes(b"")
    found = model_files.find(tmp_path)
    assert (found.name, found.parent.name) == ("saved_model.pb", "10")


@pytest.mark.parametrize("name", ["saved_model.pb", "net.keras", "net.h5"])
def test_a_model_of_tensorflow_says_what_its_environment_lacks(tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(b"")
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ScoringError, match=r"needs the package (tensorflow|keras)"):
        FileModel(tmp_path)
