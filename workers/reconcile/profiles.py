"""Every profile of data that is asked for is made, or it is said why not."""

import logging

from sqlalchemy import select

from app.data import files, profiles, tabular
from app.data.tables import DataVersion
from app.database import reading, transaction
from app.datastores.http import HttpFiles
from app.errors import AtelierError
from app.settings import Settings
from workers.execution import scratch
from workers.profiling import process

log = logging.getLogger(__name__)


def reconcile(settings: Settings) -> None:
    with reading() as session:
        if not session.scalar(select(profiles.is_any_due())):
            return
    with transaction() as session:
        found = profiles.claim(session)
        if found is None:
            return
        profile_id, path, type = found.id, found.path, found.version.asset.type
        version_id = found.version_id
    result, error = None, None
    try:
        with reading() as session:
            there = _lying(session, session.get_one(DataVersion, version_id))
        home = settings.home.resolve()
        with scratch.folder(home, "profile") as work:
            result = process.make(there, tabular.find(there, type, path), work, home)
    except AtelierError as failure:
        error = failure.message.removeprefix("path: ")
    except Exception as failure:
        log.exception("profile %s broke", profile_id)
        error = f"It could not be made: {failure}"
    with transaction() as session:
        profiles.settle(session, profile_id, result, error)


def _lying(session, version: DataVersion) -> files.Lying:
    there = files.lying(session, version.asset.workspace_id, version.path)
    return there or files.Lying(*HttpFiles.beside(version.path), version.path)
