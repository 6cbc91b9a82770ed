"""Sections, by the name under which job files are read."""

from app.kit.sections import *  # noqa: F403
