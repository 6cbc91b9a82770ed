"""Documents, by the name under which job files are read."""

from app.kit.documents import *  # noqa: F403
