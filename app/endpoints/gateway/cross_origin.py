"""Pages of other origins that may score: what browsers ask before, and what answers say to them.

Source: Azure's inference server, whose variable AML_CORS_ORIGINS names them, separated by commas; the Fetch standard.
"""

from collections.abc import Mapping

from app.endpoints.gateway.routing import Route
from app.endpoints.tables import OnlineDeployment

VARIABLE = "AML_CORS_ORIGINS"
METHODS = b"GET, POST"
KEPT_SECONDS = b"600"
Headers = list[tuple[bytes, bytes]]


def allowed(deployment: OnlineDeployment) -> frozenset[str]:
    said = str(deployment.environment_variables.get(VARIABLE) or "")
    return frozenset(found for origin in said.split(",") if (found := origin.strip().lower()))


def headers(route: Route, deployment: str | None, asked: Mapping[bytes, bytes]) -> Headers:
    """What an answer says; of all deployments' origins where none was chosen, as it is when a key is wrong."""
    origin = asked.get(b"origin")
    if origin is None or not route.origins:
        return []
    known = route.origins.get(deployment, frozenset()) if deployment else frozenset().union(*route.origins.values())
    if "*" not in known and origin.decode("latin-1").lower() not in known:
        return []
    return [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]


def before(route: Route, asked: Mapping[bytes, bytes]) -> Headers:
    """What a browser is told that asks whether it may ask; it sends no key with that."""
    found = headers(route, None, asked)
    if not found:
        return []
    wanted = asked.get(b"access-control-request-headers")
    found += [(b"access-control-allow-methods", METHODS), (b"access-control-max-age", KEPT_SECONDS)]
    return [*found, (b"access-control-allow-headers", wanted)] if wanted else found
