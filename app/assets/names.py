"""Names and versions of assets, validated once."""

import re

from app.errors import Invalid

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


def check_name(name: str, field: str = "name") -> str:
    if not NAME.fullmatch(name):
        raise Invalid(
            f"{field}: {name!r} is not a name. Use up to 255 letters, digits, '_', '-' and '.', not '_' first.",
            target=field,
        )
    return name


def check_version(version: str, field: str = "version") -> str:
    if not VERSION.fullmatch(version):
        raise Invalid(
            f"{field}: {version!r} is not a version. Use up to 128 letters, digits, '_', '-' and '.'.", target=field
        )
    return version


def next_version(taken: list[str]) -> str:
    """One more than the highest whole number among the versions that exist."""
    return str(max((int(version) for version in taken if version.isdigit()), default=0) + 1)
