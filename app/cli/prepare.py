"""Run before each start of the server: migrate, and make what a first start needs.

Prints one JSON object: `link`, and on the first start `password`.
"""

import json
import secrets

from sqlalchemy import select

from app import domains, migrating
from app.access import queries, service
from app.access.tables import Workspace
from app.activity.service import record
from app.database import Sessions, transaction
from app.settings import current
from app.workspaces import service as workspaces


def prepare() -> dict:
    domains.start(current())
    migrating.upgrade(Sessions.kw["bind"])
    with transaction() as session:
        admin, password = queries.find_user(session, "admin"), None
        if admin is None:
            password = secrets.token_urlsafe(12)
            admin = service.create_user(session, "admin", "Administrator", password)
            service.assign(session, admin, queries.get_role(session, "Owner"), None)
            record(session, "operator", "access/write", target_type="users", target_name="admin")
        if session.scalar(select(Workspace.id).where(Workspace.name == "default")) is None:
            workspaces.create(session, "default", "Default", created_by="admin")
        return {"link": service.create_link(session, admin), "password": password}


if __name__ == "__main__":
    print(json.dumps(prepare()))
