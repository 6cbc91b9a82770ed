"""The registry's service: outputs that become models, and models that become inputs."""

import pytest

from app.assets.addresses import AssetVersion
from app.database import reading, transaction
from app.errors import AlreadyExists, Invalid, NotFound
from app.experiments import queries as experiments
from app.jobs import places
from app.jobs import queries as jobs
from app.jobs.events import OutputNamed
from app.jobs.lifecycle import Status
from app.jobs.tables import Job
from app.kit.storage import store
from app.models import queries, service

MLMODEL = b"flavors: {sklearn: {}}"


@pytest.fixture
def job(started) -> Job:
    """A job with an output `model` that holds an MLmodel."""
    with transaction() as session:
        experiment = experiments.get(session, 1, "0")
        made = Job(
            workspace_id=1, experiment_id=experiment.id, name="trained", display_name="t", status=Status.COMPLETED,
            outputs={"model": {"type": "mlflow_model"}}, created_by="alice",
        )  # fmt: skip
        session.add(made)
    store().write_bytes(f"{places.output_key(made, 'model')}/MLmodel", MLMODEL)
    store().write_bytes(f"{places.output_key(made, 'model')}/data/weights", b"123")
    return made


def _register(job: Job, source: str = "azureml://jobs/trained/outputs/model", **fields):
    with transaction() as session:
        return service.register(session, workspace_id=1, name="m", source=source, created_by="alice", **fields)


@pytest.mark.parametrize(
    ("path", "type", "files"),
    [("", "mlflow_model", 2), ("/paths/data", "custom_model", 1), ("/paths/data/weights", "custom_model", 1)],
)
def test_an_output_or_a_part_of_it_becomes_a_version(job, path, type, files):
    version = _register(job, f"azureml://jobs/trained/outputs/model{path}")
    assert (version.version, version.type, version.file_count, version.job_id) == (1, type, files, job.id)
    assert len(list(store().walk(version.path))) == files


def test_artifacts_of_a_run_are_named_as_azure_ml_does(job):
    store().write_bytes(f"{places.artifact_key(job)}/net/weights", b"1234")
    version = _register(job, "azureml://jobs/trained/outputs/artifacts/paths/net/")
    assert [entry.path for entry in store().walk(version.path)] == ["weights"]
    assert _register(job, "azureml://jobs/trained/outputs/model/paths/").file_count == 2


def test_versions_count_up_and_may_be_named_once(job):
    _register(job)
    assert _register(job).version == 2
    assert _register(job, version="7").version == 7
    assert _register(job).version == 8
    with pytest.raises(AlreadyExists):
        _register(job, version="7")
    with pytest.raises(Invalid, match="is not a version"):
        _register(job, version="new one")


def test_the_lineage_knows_what_the_job_made(job):
    _register(job)
    with reading() as session:
        (edge,) = jobs.assets(session, session.get_one(Job, job.id))
        assert (edge.direction, edge.kind, edge.asset_name, edge.asset_version) == ("output", "model", "m", "1")


def test_a_named_output_is_registered(job):
    with transaction() as session:
        event = OutputNamed(job.id, "model", "mlflow_model", places.output_key(job, "model"), "net", None)
        service.on_output_named(session, event)
    with reading() as session:
        version = queries.get_version(session, 1, "net")
        assert version.source == "azureml://jobs/trained/outputs/model" and version.flavors == {"sklearn": {}}


def test_a_model_is_found_as_the_input_of_a_job(job):
    made = _register(job)
    with transaction() as session:
        service.set_alias(session, session.merge(made), "best")
    with reading() as session:
        for version, label in (("1", None), (None, "latest"), (None, "best")):
            found = queries.as_input(session, 1, AssetVersion("m", version, label, "models"))
            assert found["key"] == made.path and found["asset"]["version"] == "1"
        with pytest.raises(NotFound, match="worst"):
            queries.as_input(session, 1, AssetVersion("m", None, "worst", "models"))


def test_a_wrong_source_or_type_is_refused_with_the_field(job):
    for source in ("azureml://jobs/trained/outputs/none", "runs:/none/model", "runs:/trained/model"):
        with pytest.raises(NotFound):
            _register(job, source)
    with pytest.raises(Invalid, match="source"):
        _register(job, "https://example.com/model")
    with pytest.raises(Invalid, match="MLmodel"):
        _register(job, "azureml://jobs/trained/outputs/model/paths/data", type="mlflow_model")
    with pytest.raises(Invalid, match="custom_model"):
        _register(job, type="good_model")


def test_archiving_hides_a_version_and_a_model(job):
    first, second = _register(job), _register(job)
    with transaction() as session:
        service.change(session, session.merge(second), archived=True)
    with reading() as session:
        assert queries.get_version(session, 1, "m").version == first.version
        assert queries.page(session, 1).rows[0][1].version == first.version
    with transaction() as session:
        service.change(session, queries.get(session, 1, "m"), archived=True)
    with reading() as session:
        assert queries.page(session, 1).total == 0 and queries.page(session, 1, archived=True).total == 1
