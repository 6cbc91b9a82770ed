"""Traces, assessments, prompts and evaluation of the unmodified MLflow client against a real server."""

import json
import os
import subprocess

import pytest

PREPARED = """
import json, time
import mlflow
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Feedback
client = MlflowClient()
def names(filter, **fields):
    found = mlflow.search_traces(filter_string=filter, return_type="list", **fields)
    return [trace.info.tags["mlflow.traceName"] for trace in found]
"""


@pytest.fixture
def answer(in_environment):
    """Runs a script and reads the JSON that it prints last."""

    def run(script: str, workspace: str = ""):
        return json.loads(in_environment(PREPARED + script, workspace).strip().splitlines()[-1])

    return run


def test_a_traced_function_comes_back_whole(answer):
    found = answer(
        """
mlflow.set_experiment("traced-functions")
@mlflow.trace(span_type="LLM")
def model(text):
    usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    mlflow.get_current_active_span().set_attribute("mlflow.chat.tokenUsage", usage)
    return {"text": text.upper(), "list": [1, 2.5, None, True, "ü"]}
@mlflow.trace
def ask(text):
    mlflow.update_current_trace(tags={"team": "blue"}, client_request_id="c-1")
    return model(text)
ask("hello")
try:
    with mlflow.start_span("bad") as span:
        span.set_inputs({"a": 1})
        raise ValueError("boom")
except ValueError:
    pass
mlflow.flush_trace_async_logging()
first, bad = mlflow.search_traces(order_by=["timestamp ASC"], return_type="list")
trace = mlflow.get_trace(first.info.trace_id)
print(json.dumps({
    "spans": [[span.name, span.span_type, span.outputs] for span in trace.data.spans],
    "tokens": trace.info.token_usage, "request": trace.info.client_request_id, "team": trace.info.tags["team"],
    "nested": trace.data.spans[1].parent_id == trace.data.spans[0].span_id, "state": bad.info.state.value,
    "events": [event.name for event in bad.data.spans[0].events],
}))
""",
        "/w/default",
    )
    said = {"text": "HELLO", "list": [1, 2.5, None, True, "ü"]}
    assert found == {
        "spans": [["ask", "UNKNOWN", said], ["model", "LLM", said]], "request": "c-1", "team": "blue", "nested": True,
        "tokens": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}, "state": "ERROR", "events": ["exception"],
    }  # fmt: skip


def test_traces_are_tagged_assessed_searched_linked_and_deleted(answer):
    found = answer("""
experiment = mlflow.set_experiment("traced-search").experiment_id
for number in range(3):
    with mlflow.start_span(f"t{number}", span_type="CHAIN") as span:
        span.set_attribute("size", f"s{number}")
        time.sleep(0.003)  # Traces are ordered by millisecond.
with mlflow.start_run() as run:
    with mlflow.start_span("in-run"):
        pass
mlflow.flush_trace_async_logging()
ids = {trace.info.tags["mlflow.traceName"]: trace.info.trace_id for trace in mlflow.search_traces(return_type="list")}
mlflow.set_trace_tag(ids["t0"], "a", "b")
mlflow.set_trace_tag(ids["t1"], "a", "b")
mlflow.delete_trace_tag(ids["t1"], "a")
source = AssessmentSource("HUMAN", "ada")
good = mlflow.log_feedback(trace_id=ids["t0"], name="good", value=0.8, rationale="so", source=source)
mlflow.update_assessment(ids["t0"], good.assessment_id, Feedback(name="good", value=0.3))
mlflow.override_feedback(trace_id=ids["t0"], assessment_id=good.assessment_id, value=0.5)
wanted = mlflow.log_expectation(trace_id=ids["t0"], name="wanted", value={"x": [1]})
kept = mlflow.get_assessment(ids["t0"], wanted.assessment_id).value
mlflow.delete_assessment(ids["t0"], wanted.assessment_id)
client.link_traces_to_run([ids["t2"]], run.info.run_id)
result = {
    "tag": names("tags.a = 'b'"), "feedback": names("feedback.good > 0.4"), "old": names("feedback.good = 0.3"),
    "run": sorted(names(None, run_id=run.info.run_id)), "span": names("span.attributes.size = 's1'"),
    "pages": names(None, order_by=["timestamp ASC"], max_results=2), "kept": kept,
    "assessments": [[one.name, one.value, one.valid] for one in mlflow.get_trace(ids["t0"]).info.assessments],
    "frame": len(mlflow.search_traces()),
}
client.delete_traces(experiment, trace_ids=[ids["t0"]])
client.delete_traces(experiment, max_timestamp_millis=int(time.time() * 1000), max_traces=1)
print(json.dumps(result | {"left": sorted(names(None))}))
""")
    assert sorted(found.pop("assessments")) == [["good", 0.3, False], ["good", 0.5, True]]
    assert found == {
        "tag": ["t0"], "feedback": ["t0"], "old": [], "run": ["in-run", "t2"], "span": ["t1"], "pages": ["t0", "t1"],
        "kept": {"x": [1]}, "frame": 4, "left": ["in-run", "t2"],
    }  # fmt: skip


def test_traces_are_reviewed_and_counted(answer):
    found = answer("""
from mlflow.entities.trace_metrics import AggregationType, MetricAggregation, MetricViewType
from mlflow.genai import label_schemas, review_queues
from mlflow.genai.label_schemas import InputPassFail
from mlflow.tracking._tracking_service.utils import _get_store
experiment = mlflow.set_experiment("traced-reviews").experiment_id
for number in range(2):
    with mlflow.start_span("reviewed"):
        pass
mlflow.flush_trace_async_logging()
ids = [trace.info.trace_id for trace in mlflow.search_traces(return_type="list")]
asked = label_schemas.create_label_schema(name="Right?", type="feedback", input=InputPassFail("Yes", "No"))
queue = review_queues.create_review_queue(name="Q", queue_type="custom", users=["Ada"], schema_ids=[asked.schema_id])
review_queues.add_items_to_review_queue(queue.queue_id, item_ids=ids)
done = review_queues.set_review_queue_item_status(queue.queue_id, item_id=ids[0], status="complete", completed_by="x")
left = review_queues.list_review_queue_items(queue.queue_id, status="pending")
count = [MetricAggregation(AggregationType.COUNT)]
points = _get_store().query_trace_metrics([experiment], MetricViewType.TRACES, "trace_count", count, ["trace_name"])
together = _get_store().calculate_trace_filter_correlation([experiment], "status = 'OK'", "name = 'reviewed'")
print(json.dumps({
    "asked": [schema.name for schema in label_schemas.list_label_schemas()], "users": queue.users,
    "done": str(done.status), "left": [item.item_id for item in left] == ids[1:],
    "points": [[point.dimensions, point.values] for point in points], "together": together.npmi,
}))
""")
    assert sorted(found.pop("asked")) == ["Feedback", "Right?"]
    points = [[{"trace_name": "reviewed"}, {"COUNT": 2.0}]]
    assert found == {"users": ["ada"], "done": "complete", "left": True, "points": points, "together": 1.0}


def test_prompts(answer):
    found = answer("""
mlflow.set_experiment("prompts")
mlflow.genai.register_prompt(name="greet", template="Hi {{name}}", commit_message="first", tags={"x": "y"})
mlflow.genai.register_prompt(name="greet", template="Hello {{name}}")
mlflow.genai.set_prompt_alias("greet", alias="prod", version=1)
@mlflow.trace
def use():
    return mlflow.genai.load_prompt("prompts:/greet@prod").format(name="Ada")
said = use()
mlflow.flush_trace_async_logging()
print(json.dumps({
    "said": said, "newest": mlflow.genai.load_prompt("greet", version=2).template,
    "found": [prompt.name for prompt in mlflow.genai.search_prompts()],
    "traces": names("prompt = 'greet/1'"), "models": [model.name for model in client.search_registered_models()],
}))
""")
    assert "greet" not in found.pop("models")
    assert found == {"said": "Hi Ada", "newest": "Hello {{name}}", "found": ["greet"], "traces": ["use"]}


def test_a_job_traces_into_its_own_run(server):
    script = (
        "import mlflow\\n"
        "with mlflow.start_run():\\n"
        "    with mlflow.start_span('inside') as span: span.set_outputs(1)\\n"
        "mlflow.flush_trace_async_logging()\\n"
    )
    job = server.run(f'python -c "$(printf "{script}")"')
    assert server.wait_for(job)["status"] == "Completed", server.log(job)
    traces = server.client.get("/api/traces", params={"run": job}).json()["value"]
    assert [trace["name"] for trace in traces] == ["inside"] and traces[0]["spans"] == 1


def test_the_exporter_of_opentelemetry(server, environment):
    script = """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
with provider.get_tracer("test").start_as_current_span("exported") as span:
    span.set_attribute("gen_ai.usage.input_tokens", 5)
"""
    probe = "import opentelemetry.exporter.otlp.proto.http"
    if subprocess.run([environment, "-c", probe], capture_output=True, check=False).returncode:
        pytest.skip("the environment has no OTLP exporter")
    variables = {
        "PATH": os.environ["PATH"],
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{server.url}/v1/traces",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": f"Authorization=Bearer {server.token}".replace(" ", "%20"),
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "gzip",
    }
    subprocess.run([environment, "-c", script], env=variables, check=True, timeout=60)
    found = server.client.get("/api/traces", params={"text": "exported"}).json()["value"]
    assert found[0]["total_tokens"] == 5 and found[0]["experiment"] == "Default"


def test_what_is_evaluated_with_which_examples_is_kept(answer):
    found = answer("""
from mlflow.genai import datasets, scorer
from mlflow.genai.judges import make_judge
from mlflow.genai.scorers import delete_scorer, get_scorer, list_scorers
experiment = mlflow.set_experiment("evaluated").experiment_id
dataset = datasets.create_dataset("questions", tags={"team": "blue"})
dataset.merge_records([{"inputs": {"question": q}, "expectations": {"answer": q.upper()}} for q in ("a", "b")])
dataset.merge_records([{"inputs": {"question": "b"}, "expectations": {"answer": "other"}}])
@scorer
def exact(outputs, expectations):
    return outputs == expectations["answer"]
@mlflow.trace
def predict(question):
    return question.upper()
run = mlflow.genai.evaluate(data=datasets.get_dataset(name="questions"), predict_fn=predict, scorers=[exact])
judged = mlflow.search_traces(run_id=run.run_id, return_type="list")
dataset.merge_records(mlflow.search_traces(run_id=run.run_id))
frame = datasets.get_dataset(dataset_id=dataset.dataset_id).to_df()
for words in ("Is {{ outputs }} polite?", "Is {{ outputs }} very polite?"):
    make_judge(name="polite", instructions=words, model="openai:/gpt-4.1-mini").register()
result = {
    "mean": run.metrics["exact/mean"], "used": mlflow.get_run(run.run_id).inputs.dataset_inputs[0].dataset.name,
    "judged": sorted(one.value for trace in judged for one in trace.info.assessments if one.name == "exact"),
    "frame": [[row.inputs["question"], row.outputs, row.expectations["answer"]] for row in frame.itertuples()],
    "gone": dataset.delete_records([frame.iloc[0]["dataset_record_id"]]),
    "scorers": [one.instructions for one in list_scorers()], "first": get_scorer(name="polite", version=1).instructions,
    "found": [one.name for one in datasets.search_datasets(filter_string="tags.team = 'blue'")],
}
delete_scorer(name="polite", version="all")
datasets.delete_dataset(dataset_id=dataset.dataset_id)
print(json.dumps(result | {"left": len(list_scorers()) + len(datasets.search_datasets(experiment_ids=experiment))}))
""")
    assert found == {
        "mean": 0.5, "used": "questions", "judged": [False, True], "gone": 1, "found": ["questions"], "left": 0,
        "frame": [["a", "A", "A"], ["b", "B", "other"]], "first": "Is {{ outputs }} polite?",
        "scorers": ["Is {{ outputs }} very polite?"],
    }  # fmt: skip
