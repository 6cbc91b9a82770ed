"""Names of endpoints and deployments, by Azure ML's rules."""

import re

from app.errors import Invalid

NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,30}[A-Za-z0-9]")
# Only an endpoint's name is part of a host name in Azure.
DEPLOYMENT = re.compile(r"[A-Za-z][A-Za-z0-9_-]{1,30}[A-Za-z0-9]")

# Pages stand at these addresses, beside those of the endpoints.
RESERVED = {"new"}


def check(name: str, field: str = "name") -> str:
    return _check(name, field, NAME, "letters, digits and '-', a letter first and no '-' last")


def check_deployment(name: str, field: str = "name") -> str:
    return _check(name, field, DEPLOYMENT, "letters, digits, '-' and '_', a letter first and a letter or digit last")


def _check(name: str, field: str, pattern: re.Pattern, rule: str) -> str:
    if name.lower() in RESERVED:
        raise Invalid(f"{field}: {name!r} is the address of a page. Choose another name.", target=field)
    if not pattern.fullmatch(name):
        raise Invalid(f"{field}: {name!r} is not a name. Use 3 to 32 {rule}.", target=field)
    return name


def check_traffic(traffic: dict, deployments: set[str]) -> dict[str, int]:
    """Whole percentages of known deployments that add up to 100, or to 0 for none."""
    for name, share in traffic.items():
        if name not in deployments:
            known = ", ".join(sorted(deployments)) or "none yet"
            raise Invalid(f"traffic.{name}: there is no such deployment; there are: {known}.", target=f"traffic.{name}")
        if isinstance(share, bool) or not isinstance(share, int) or not 0 <= share <= 100:
            raise Invalid(f"traffic.{name}: {share!r} is no percentage from 0 to 100.", target=f"traffic.{name}")
    total = sum(traffic.values())
    if total not in (0, 100):
        raise Invalid(f"traffic: the shares add up to {total}; they must add up to 100, or to 0.", target="traffic")
    return dict(traffic)


MOST_MIRRORED = 50


def check_mirror(mirror: dict, deployments: set[str]) -> dict[str, int]:
    """At most one known deployment, which gets copies of at most half of the requests."""
    shares = {name: share for name, share in mirror.items() if share != 0}
    for name, share in shares.items():
        field = f"mirror_traffic.{name}"
        if name not in deployments:
            known = ", ".join(sorted(deployments)) or "none yet"
            raise Invalid(f"{field}: there is no such deployment; there are: {known}.", target=field)
        if isinstance(share, bool) or not isinstance(share, int) or not 0 <= share <= MOST_MIRRORED:
            raise Invalid(f"{field}: {share!r} is no percentage from 0 to {MOST_MIRRORED}.", target=field)
    if len(shares) > 1:
        raise Invalid("mirror_traffic: only one deployment at a time can be mirrored to.", target="mirror_traffic")
    return shares
