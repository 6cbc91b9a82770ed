"""The unmodified MLflow client against a real server, in the environment that jobs run in."""

import json

import pytest

PREPARED = """
import json, warnings
warnings.filterwarnings("ignore")
import mlflow, numpy as np
from mlflow import MlflowClient
client = MlflowClient()
"""


@pytest.fixture
def answer(in_environment):
    """Runs a script and reads the JSON that it prints last."""

    def run(script: str, workspace: str = ""):
        return json.loads(in_environment(PREPARED + script, workspace).strip().splitlines()[-1])

    return run


def test_a_run_with_all_that_it_logs(answer):
    found = answer("""
mlflow.set_experiment("client-runs")
with mlflow.start_run(run_name="outer", tags={"team": "blue"}) as run:
    mlflow.log_params({"lr": 0.1, "depth": 3})
    for step in range(30):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"nan": float("nan"), "inf": float("inf")})
    mlflow.log_text("hello", "notes/a.txt")
    with mlflow.start_run(nested=True, run_name="inner") as inner:
        mlflow.log_metric("z", 1)
run_id = run.info.run_id
stored = client.get_run(run_id)
print(json.dumps({
    "status": stored.info.status, "params": stored.data.params, "team": stored.data.tags["team"],
    "loss": stored.data.metrics["loss"], "nan": stored.data.metrics["nan"] != stored.data.metrics["nan"],
    "inf": stored.data.metrics["inf"] == float("inf"),
    "history": len(client.get_metric_history(run_id, "loss")),
    "text": mlflow.artifacts.load_text(f"runs:/{run_id}/notes/a.txt"),
    "parent": client.get_parent_run(inner.info.run_id).info.run_id == run_id,
}))
""")
    assert found == {
        "status": "FINISHED", "params": {"lr": "0.1", "depth": "3"}, "team": "blue", "loss": 1 / 30, "nan": True,
        "inf": True, "history": 30, "text": "hello", "parent": True,
    }  # fmt: skip


def test_runs_are_searched_deleted_and_restored(answer):
    found = answer("""
mlflow.set_experiment("client-search")
for number in range(5):
    with mlflow.start_run(run_name=f"r{number}"):
        mlflow.log_metric("m", number)
frame = mlflow.search_runs(filter_string="metrics.m >= 2", order_by=["metrics.m ASC"])
first = frame["run_id"][0]
client.delete_run(first)
less = len(mlflow.search_runs(filter_string="metrics.m >= 2"))
client.restore_run(first)
pages, token = [], None
experiment = client.get_experiment_by_name("client-search").experiment_id
while True:
    page = client.search_runs([experiment], max_results=2, order_by=["metrics.m DESC"], page_token=token)
    pages.append([run.info.run_name for run in page])
    token = page.token
    if not token:
        break
print(json.dumps({"names": list(frame["tags.mlflow.runName"]), "less": less, "pages": pages}))
""")
    assert found == {"names": ["r2", "r3", "r4"], "less": 2, "pages": [["r4", "r3"], ["r2", "r1"], ["r0"]]}


def test_a_model_is_logged_registered_loaded_and_found(answer):
    found = answer(
        """
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
x, y = load_iris(return_X_y=True)
mlflow.set_experiment("client-models")
model = LogisticRegression(max_iter=300).fit(x, y)
with mlflow.start_run() as run:
    info = mlflow.sklearn.log_model(model, name="model", input_example=x[:2], registered_model_name="iris")
    mlflow.log_metric("accuracy", 0.9, model_id=info.model_id)
again = mlflow.register_model(f"runs:/{run.info.run_id}/model", "iris")
client.set_registered_model_alias("iris", "champion", again.version)
client.transition_model_version_stage("iris", "1", "Production")
registered = ["models:/iris/1", "models:/iris@champion", "models:/iris/Production"]
uris = [info.model_uri, f"runs:/{run.info.run_id}/model", *registered]
same = [bool((mlflow.pyfunc.load_model(uri).predict(x) == model.predict(x)).all()) for uri in uris]
logged = mlflow.search_logged_models(
    experiment_ids=[run.info.experiment_id], filter_string="metrics.accuracy > 0.5", output_format="list"
)
copied = client.copy_model_version("models:/iris/1", "iris-copy")
print(json.dumps({
    "same": same, "version": again.version, "logged": [found.name for found in logged], "copied": copied.version,
    "versions": sorted(found.version for found in client.search_model_versions("name='iris'")),
    "models": [found.name for found in client.search_registered_models("name LIKE 'iris%'", order_by=["name ASC"])],
    "outputs": [found.model_id for found in client.get_run(run.info.run_id).outputs.model_outputs] == [info.model_id],
}))
""",
        "/w/default",
    )
    assert found == {
        "same": [True] * 5, "version": "2", "logged": ["model"], "copied": "1", "versions": ["1", "2"],
        "models": ["iris", "iris-copy"], "outputs": True,
    }  # fmt: skip


def test_autologging_of_scikit_learn(answer):
    found = answer("""
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
mlflow.set_experiment("client-autolog")
mlflow.autolog()
x, y = load_iris(return_X_y=True, as_frame=True)
with mlflow.start_run() as run:
    RandomForestClassifier(n_estimators=5).fit(x, y)
stored = client.get_run(run.info.run_id)
print(json.dumps({
    "params": stored.data.params["n_estimators"], "metrics": "training_score" in stored.data.metrics,
    "inputs": len(stored.inputs.dataset_inputs), "models": len(stored.outputs.model_outputs),
    "pictures": [file.path for file in client.list_artifacts(run.info.run_id) if file.path.endswith(".png")] != [],
}))
""")
    assert found == {"params": "5", "metrics": True, "inputs": 1, "models": 1, "pictures": True}


def test_a_pytorch_model_is_logged_and_loaded(answer):
    found = answer("""
import torch
mlflow.set_experiment("client-torch")
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
example = np.ones((1, 4), dtype=np.float32)
with mlflow.start_run() as run:
    info = mlflow.pytorch.log_model(net, name="net", input_example=example, serialization_format="pickle")
loaded = mlflow.pyfunc.load_model(info.model_uri)
print(json.dumps({"close": bool(np.allclose(loaded.predict(example), net(torch.ones(1, 4)).detach().numpy()))}))
""")
    assert found == {"close": True}


def test_what_is_wrong_reaches_the_client_as_its_own_error(answer):
    found = answer("""
from mlflow.exceptions import MlflowException
codes = []
def attempt(call, *arguments, **named):
    try:
        call(*arguments, **named)
        codes.append(None)
    except MlflowException as error:
        codes.append(error.error_code)
run = client.create_run("0")
client.log_param(run.info.run_id, "p", 1)
attempt(client.log_param, run.info.run_id, "p", 2)
attempt(client.get_run, "0" * 32)
attempt(client.get_registered_model, "none")
attempt(client.search_runs, ["0"], "metrics.m > 'a'")
attempt(client.create_experiment, "Default")
print(json.dumps(codes))
""")
    assert found == [
        "INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE",
        "RESOURCE_ALREADY_EXISTS",
    ]  # fmt: skip


def test_everything_that_has_a_function_to_log_it(answer):
    found = answer("""
import pandas as pd, pathlib
mlflow.set_experiment("client-logging")
frame = pd.DataFrame({"x": [1.0, 2.0], "y": [0, 1]})
with mlflow.start_run() as run:
    mlflow.log_table({"question": ["a", "b"], "score": [1, 2]}, "tables/answers.json")
    mlflow.log_table({"question": ["c"], "score": [3]}, "tables/answers.json")
    mlflow.log_dict({"a": [1, 2]}, "settings.json")
    mlflow.log_text("<b>hi</b>", "pages/hi.html")
    mlflow.log_image(np.zeros((4, 4, 3), dtype=np.uint8), "black.png")
    mlflow.log_image(np.ones((4, 4), dtype=np.uint8), key="grey", step=3)
    mlflow.log_input(mlflow.data.from_pandas(frame, name="tiny", targets="y"), context="training")
    pathlib.Path("folder/deep").mkdir(parents=True)
    pathlib.Path("folder/deep/a b.txt").write_text("deep")
    mlflow.log_artifacts("folder", "copied")
run_id = run.info.run_id
local = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="copied")
table = mlflow.load_table("tables/answers.json", run_ids=[run_id])
stored = client.get_run(run_id).inputs.dataset_inputs[0]
print(json.dumps({
    "table": list(table["question"]), "dict": mlflow.artifacts.load_dict(f"runs:/{run_id}/settings.json"),
    "text": mlflow.artifacts.load_text(f"runs:/{run_id}/pages/hi.html"),
    "size": mlflow.artifacts.load_image(f"runs:/{run_id}/black.png").size,
    "images": len(client.list_artifacts(run_id, "images")),
    "dataset": [stored.dataset.name, stored.tags[0].value],
    "searched": len(mlflow.search_runs(filter_string="datasets.name = 'tiny' and dataset.context = 'training'")),
    "deep": (pathlib.Path(local) / "deep" / "a b.txt").read_text(),
}))
""")
    assert found == {
        "table": ["a", "b", "c"], "dict": {"a": [1, 2]}, "text": "<b>hi</b>", "size": [4, 4], "images": 2,
        "dataset": ["tiny", "training"], "searched": 1, "deep": "deep",
    }  # fmt: skip


def test_a_batch_with_numbers_that_json_does_not_know(answer):
    found = answer("""
from mlflow.entities import Metric, Param, RunTag
mlflow.set_experiment("client-batch")
run_id = client.create_run(mlflow.get_experiment_by_name("client-batch").experiment_id).info.run_id
values = [float("nan"), float("inf"), float("-inf"), 1e308, 5e-324, 0.1 + 0.2]
client.log_batch(
    run_id, metrics=[Metric("m", value, 1000 + step, step) for step, value in enumerate(values)],
    params=[Param("p", "1")], tags=[RunTag("t", "2")],
)
history = client.get_metric_history(run_id, "m")
frame = mlflow.search_runs(experiment_names=["client-batch"])
print(json.dumps({
    "same": [repr(point.value) for point in history] == [repr(value) for value in values],
    "latest": bool(frame["metrics.m"][0] == values[-1]), "param": frame["params.p"][0], "tag": frame["tags.t"][0],
    "start": str(frame["start_time"].dtype).startswith("datetime64"), "status": frame["status"][0],
}))
""")
    assert found == {"same": True, "latest": True, "param": "1", "tag": "2", "start": True, "status": "RUNNING"}


def test_a_model_is_evaluated(answer):
    found = answer("""
import pandas as pd
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
mlflow.set_experiment("client-evaluate")
x, y = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=300).fit(x, y)
data = x.assign(label=y)
with mlflow.start_run() as run:
    info = mlflow.sklearn.log_model(model, name="model", input_example=x.head(2))
    result = mlflow.models.evaluate(
        info.model_uri, data, targets="label", model_type="classifier", evaluator_config={"log_explainer": False}
    )
stored = client.get_run(run.info.run_id)
logged = mlflow.get_logged_model(info.model_id)
print(json.dumps({
    "accuracy": stored.data.metrics["accuracy_score"] == result.metrics["accuracy_score"] > 0.9,
    "files": any("confusion_matrix" in file.path for file in client.list_artifacts(run.info.run_id)),
    "of_model": "accuracy_score" in {metric.key for metric in logged.metrics},
    "inputs": len(stored.inputs.dataset_inputs) > 0,
}))
""")
    assert found == {"accuracy": True, "files": True, "of_model": True, "inputs": True}


def test_autologging_of_plain_pytorch_and_of_the_machine(answer):
    found = answer("""
import importlib.util, time, torch
mlflow.set_experiment("client-system")
mlflow.pytorch.autolog()
mlflow.set_system_metrics_sampling_interval(0.2)
mlflow.set_system_metrics_samples_before_logging(1)
watched = importlib.util.find_spec("psutil") is not None
with mlflow.start_run(log_system_metrics=watched) as run:
    net = torch.nn.Linear(2, 1)
    best = torch.optim.SGD(net.parameters(), lr=0.1)
    for step in range(3):
        best.zero_grad()
        loss = net(torch.ones(4, 2)).pow(2).mean()
        loss.backward()
        best.step()
        mlflow.log_metric("loss", loss.item(), step=step)
    time.sleep(1.5 * watched)
stored = client.get_run(run.info.run_id)
print(json.dumps({
    "loss": len(client.get_metric_history(run.info.run_id, "loss")),
    "system": ("system/cpu_utilization_percentage" in stored.data.metrics) == watched, "status": stored.info.status,
}))
""")
    assert found == {"loss": 3, "system": True, "status": "FINISHED"}


def test_a_large_artifact_is_sent_in_parts(answer):
    found = answer("""
import os, pathlib, hashlib
os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"] = "true"
os.environ["MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE"] = str(5 * 2**20)
os.environ["MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE"] = str(5 * 2**20)
data = os.urandom(12 * 2**20 + 7)
pathlib.Path("big file.bin").write_bytes(data)
mlflow.set_experiment("client-parts")
with mlflow.start_run() as run:
    mlflow.log_artifact("big file.bin", "weights")
os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD"] = "true"
local = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="weights/big file.bin")
print(json.dumps({"same": pathlib.Path(local).read_bytes() == data}))
""")
    assert found == {"same": True}
