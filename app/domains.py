"""The map of Atelier: its domains, lowest first, and who listens to whom.

Every process starts here: web process, workers and command line share these tables and listeners.
"""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from app import database
from app.access.events import Acted
from app.activity import service as activity
from app.alerts import watching as alerts
from app.components import queries as component_queries
from app.compute import placement
from app.compute import queries as compute_queries
from app.compute import waiting as compute_waiting
from app.data import service as data
from app.data.events import OutputTaken
from app.datastores import stores as datastores
from app.endpoints import service as endpoints
from app.environments import engines
from app.experiments import service as experiments
from app.experiments.events import StageChanged
from app.jobs import components, inputs, placing, waiting
from app.jobs import results as job_results
from app.jobs import service as jobs
from app.jobs.events import JobFinished, OutputNamed
from app.kit import crypto, events, live, outbox, queue, storage
from app.models import queries as model_queries
from app.models import service as models
from app.models import sources as model_sources
from app.models.events import RegistryChanged
from app.notifications import service as notifications
from app.pipelines import service as pipelines
from app.settings import Settings
from app.webhooks import service as webhooks
from app.workspaces.events import WorkspaceCreated, WorkspaceDeleting

DOMAINS = (
    "access",
    "activity",
    "workspaces",
    "notifications",
    "environments",
    "connections",
    "registries",
    "datastores",
    "experiments",
    "data",
    "jobs",
    "components",
    "compute",
    "tracking",
    "sweeps",
    "pipelines",
    "traces",
    "reviews",
    "evaluation",
    "models",
    "sharing",
    "schedules",
    "webhooks",
    "runs",
    "endpoints",
    "endpoints.metrics",
    "endpoints.access_log",
    "endpoints.batch",
    "alerts",
    "dialects.mlflow",
    "dialects.arm",
    "transfer",
    "home",
)

LISTENERS = {
    StageChanged: [jobs.on_stage_changed],
    Acted: [activity.on_acted],
    WorkspaceCreated: [jobs.on_workspace_created, experiments.on_workspace_created, data.on_workspace_created],
    WorkspaceDeleting: [endpoints.on_workspace_deleting, jobs.on_workspace_deleting],
    OutputTaken: [job_results.on_output_taken],
    OutputNamed: [models.on_output_named],
    JobFinished: [pipelines.on_job_finished, alerts.on_job_finished],
    RegistryChanged: [webhooks.on_registry_changed],
}


def start(settings: Settings) -> None:
    """Connect this process to registry, queue and store, and the listeners to their events."""
    modules("tables")
    events.listeners.clear()
    events.listeners.update(LISTENERS)
    database.bind(database.connect(settings.database))
    storage.connect(settings.artifact_root)
    crypto.connect(settings.secret_key)
    notifications.connect(settings)
    datastores.connect(settings)
    queue.connect(settings.redis_url)
    live.connect(settings.redis_url)
    outbox.connect(queue.send, live.hint)
    placing.connect(placement.place)
    engines.connect(compute_queries.any_engine)
    waiting.connect(compute_waiting.explain)
    components.connect(component_queries.of_reference)
    data.connect(model_sources.as_data)
    inputs.connect(model_queries.as_input, model_sources.as_input)


def modules(name: str) -> list[ModuleType]:
    """The module `name` of each domain that has one."""
    paths = [f"app.{domain}.{name}" for domain in DOMAINS]
    return [import_module(path) for path in paths if find_spec(path)]
