"""No environment is shown as being built when nobody builds it: its builder's lease runs out, and the build failed."""

import logging

from app.database import transaction
from app.environments import builds

log = logging.getLogger(__name__)


def reconcile() -> None:
    with transaction() as session:
        for name in builds.fail_lost(session):
            log.warning("the build of environment %s was lost with its worker", name)
