"""Datastores: places outside the workspace's own store whose files jobs read and write."""

from sqlalchemy import UniqueConstraint

from app.connections.tables import Defined
from app.database import Base


class Datastore(Defined, Base):
    __tablename__ = "datastores"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
