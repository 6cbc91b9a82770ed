"""Endpoints and deployments: what may be made and changed, and how a deployment settles."""

from datetime import timedelta

import pytest

from app.access import queries as access
from app.database import transaction
from app.endpoints import autoscaling, claiming, queries, scaling, service
from app.endpoints.tables import DeploymentInstance
from app.errors import AlreadyExists, Conflict, Invalid
from app.kit.clock import now


@pytest.fixture
def session(started):
    with transaction() as session:
        yield session


@pytest.fixture
def workspace_id(session) -> int:
    return next(found.id for found in access.workspaces(session) if found.name == "default")


@pytest.fixture
def endpoint(session, workspace_id):
    return service.create(session, workspace_id, "digits", created_by="alice")


def deploy(session, endpoint, name="blue", **settings):
    settings = {"scoring_script": "score.py", "code": "code"} | settings
    return service.deploy(session, endpoint, name, created_by="alice", **settings)


def instances(session, deployment, generation=None):
    found = queries.instances(session, deployment)
    return [item for item in found if generation in (None, item.generation)]


def be(session, deployment, state, generation=None, error=None):
    for item in instances(session, deployment, generation):
        item.state, item.error = state, error
    session.flush()
    service.settle(session, deployment)


def test_a_name_is_taken_once(session, workspace_id, endpoint):
    with pytest.raises(AlreadyExists, match="digits"):
        service.create(session, workspace_id, "digits", created_by="bob")


@pytest.mark.parametrize("name", ["", "ab", "1st", "under_score", "ends-", "x" * 33])
def test_a_name_follows_the_rules_of_azure(session, workspace_id, name):
    with pytest.raises(Invalid) as error:
        service.create(session, workspace_id, name, created_by="alice")
    assert error.value.target == "name"


def test_an_unknown_way_to_sign_in_is_refused(session, workspace_id):
    with pytest.raises(Invalid, match="auth_mode"):
        service.create(session, workspace_id, "digits", created_by="alice", auth_mode="none")


def test_a_deployment_wants_its_instances(session, endpoint):
    deployment = deploy(session, endpoint, instance_count=3, all_traffic=True)
    assert [item.number for item in instances(session, deployment)] == [0, 1, 2]
    assert (deployment.provisioning_state, endpoint.traffic) == ("Creating", {"blue": 100})


def test_a_deployment_needs_something_to_run(session, endpoint):
    with pytest.raises(Invalid, match="model"):
        deploy(session, endpoint, scoring_script=None)


@pytest.mark.parametrize("count", [0, -1, autoscaling.MOST_INSTANCES + 1])
def test_instances_are_bounded(session, endpoint, count):
    with pytest.raises(Invalid) as error:
        deploy(session, endpoint, instance_count=count)
    assert error.value.target == "instance_count"


@pytest.mark.parametrize(
    ("traffic", "said"),
    [
        ({"blue": 50}, "add up to 50"),
        ({"blue": 60, "green": 60}, "add up to 120"),
        ({"grey": 100}, "no such deployment"),
        ({"blue": 101, "green": -1}, "101"),
        ({"blue": "100"}, "'100'"),
        ({"blue": True}, "True"),
    ],
)
def test_traffic_must_add_up(session, endpoint, traffic, said):
    deploy(session, endpoint), deploy(session, endpoint, "green")
    with pytest.raises(Invalid, match=said):
        service.change(session, endpoint, traffic=traffic)
    assert endpoint.traffic == {}


@pytest.mark.parametrize("traffic", [{"blue": 90, "green": 10}, {"blue": 0, "green": 100}, {"blue": 0}, {}])
def test_traffic_that_adds_up_is_taken(session, endpoint, traffic):
    deploy(session, endpoint), deploy(session, endpoint, "green")
    service.change(session, endpoint, traffic=traffic)
    assert endpoint.traffic == traffic


def test_a_deployment_with_traffic_is_not_deleted(session, endpoint):
    blue = deploy(session, endpoint, all_traffic=True)
    with pytest.raises(Conflict, match="100 %"):
        service.delete_deployment(session, blue)
    deploy(session, endpoint, "green")
    service.change(session, endpoint, traffic={"blue": 0, "green": 100})
    service.delete_deployment(session, blue)
    assert [item.name for item in endpoint.deployments] == ["green"]
    assert endpoint.traffic == {"green": 100}


def test_deleting_an_endpoint_takes_everything_with_it(session, endpoint):
    deploy(session, endpoint, all_traffic=True)
    service.delete(session, endpoint)
    session.flush()
    assert session.query(DeploymentInstance).count() == 0


def test_scaling_adds_and_stops_instances(session, endpoint):
    deployment = deploy(session, endpoint, instance_count=2)
    scaling.fix(session, deployment, 4)
    session.flush()
    assert [item.number for item in instances(session, deployment)] == [0, 1, 2, 3]
    scaling.fix(session, deployment, 1)
    states = {item.number: item.state for item in instances(session, deployment)}
    assert states == {0: "Pending", 1: "Stopping", 2: "Stopping", 3: "Stopping"}
    with pytest.raises(Invalid):
        scaling.fix(session, deployment, 0)


def test_a_replaced_key_is_another_and_leaves_the_other_alone(session, endpoint):
    before = service.keys(endpoint)
    after = service.regenerate_key(session, endpoint, "primary")
    assert after["primaryKey"] != before["primaryKey"]
    assert after["secondaryKey"] == before["secondaryKey"]
    with pytest.raises(Invalid, match="key_type"):
        service.regenerate_key(session, endpoint, "third")


def test_keys_are_not_kept_in_the_open(endpoint):
    for name, key in service.keys(endpoint).items():
        column = f"{name.removesuffix('Key')}_key"
        assert key not in (getattr(endpoint, column), getattr(endpoint, f"{column}_hash"))


def test_a_deployment_succeeds_when_all_its_instances_are_ready(session, endpoint):
    deployment = deploy(session, endpoint, instance_count=2)
    first, second = instances(session, deployment)
    first.state = "Ready"
    service.settle(session, deployment)
    assert deployment.provisioning_state == "Creating"
    second.state = "Ready"
    service.settle(session, deployment)
    assert deployment.provisioning_state == "Succeeded"


def test_a_failed_instance_fails_its_deployment_and_says_why(session, endpoint):
    deployment = deploy(session, endpoint)
    be(session, deployment, "Failed", error="The model could not be loaded.")
    assert (deployment.provisioning_state, deployment.error) == ("Failed", "The model could not be loaded.")
    be(session, deployment, "Ready")
    assert (deployment.provisioning_state, deployment.error) == ("Succeeded", None)


def test_a_new_generation_takes_over_only_when_it_serves(session, endpoint):
    deployment = deploy(session, endpoint)
    be(session, deployment, "Ready")
    again = deploy(session, endpoint, environment_variables={"A": "1"})
    assert again is deployment
    assert (deployment.generation, deployment.provisioning_state) == (2, "Updating")
    service.settle(session, deployment)
    assert [item.state for item in instances(session, deployment, 1)] == ["Ready"]
    be(session, deployment, "Ready", generation=2)
    assert [item.state for item in instances(session, deployment, 1)] == ["Stopping"]
    assert deployment.provisioning_state == "Succeeded"


def test_a_new_generation_that_fails_leaves_the_old_one_serving(session, endpoint):
    deployment = deploy(session, endpoint, environment_variables={"A": "1"})
    be(session, deployment, "Ready")
    deploy(session, endpoint, scoring_script="other.py", environment_variables={})
    be(session, deployment, "Failed", generation=2, error="It does not start.")
    (kept,) = instances(session, deployment, 1)
    assert (kept.state, deployment.provisioning_state) == ("Ready", "Failed")
    # A worker that starts it again finds what it was.
    old, new = kept.definition, instances(session, deployment, 2)[0].definition
    assert (old["scoring_script"], old["environment_variables"]) == ("score.py", {"A": "1"})
    assert new["scoring_script"] == "other.py"
    deploy(session, endpoint)
    states = {item.generation: item.state for item in instances(session, deployment)}
    assert states == {1: "Ready", 2: "Stopping", 3: "Pending"}


def test_an_instance_that_has_grown_serves_until_another_has_taken_over(session, endpoint):
    deployment = deploy(session, endpoint)
    be(session, deployment, "Ready")
    [grown] = instances(session, deployment)
    scaling.replace(session, grown, "It has grown.")
    scaling.replace(session, grown, "It has grown more.")
    session.flush()
    assert [(item.number, item.state) for item in instances(session, deployment)] == [(0, "Ready"), (1, "Pending")]
    scaling.scale(session, deployment, 2, "requests wait")
    session.flush()
    for item in instances(session, deployment):
        item.state = "Ready"
    service.settle(session, deployment)
    states = [(item.number, item.state) for item in instances(session, deployment)]
    assert states == [(0, "Stopping"), (1, "Ready"), (2, "Ready")]


def test_an_instance_is_claimed_by_one_worker_until_its_lease_runs_out(session, endpoint):
    deployment = deploy(session, endpoint, instance_count=2)
    later = now() + timedelta(seconds=30)
    taken = claiming.claim_instances(session, 1, later, most=5)
    assert len(taken) == 2
    assert claiming.claim_instances(session, 2, later, most=5) == []
    first = session.get(DeploymentInstance, taken[0])
    first.lease_expires_at = now() - timedelta(seconds=1)
    session.flush()
    assert claiming.claim_instances(session, 2, later, most=5) == [first.id]
    assert deployment.instance_count == 2


def test_instances_are_spread_over_the_workers_and_none_waits_for_long(session, endpoint):
    deployment = deploy(session, endpoint, instance_count=3)
    later = now() + timedelta(seconds=30)
    assert len(claiming.claim_instances(session, 1, later, most=5, workers=2)) == 2
    assert claiming.claim_instances(session, 1, later, most=5, workers=2) == []
    last = instances(session, deployment)[2]
    last.created_at = now() - timedelta(seconds=4)
    session.flush()
    assert claiming.claim_instances(session, 1, later, most=5, workers=2) == [last.id]


def test_a_stopping_instance_is_claimed_by_nobody(session, endpoint):
    deployment = deploy(session, endpoint)
    instances(session, deployment)[0].state = "Stopping"
    session.flush()
    assert claiming.claim_instances(session, 1, now() + timedelta(seconds=30), most=5) == []
