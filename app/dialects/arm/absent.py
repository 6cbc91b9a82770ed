"""What Azure has in a workspace and Atelier has not: calls about it are answered by what stands in for it."""

from collections.abc import Callable

from fastapi import APIRouter

from app.access.guard import allow
from app.dialects.arm.addressing import LOCATIONS, WORKSPACE
from app.dialects.arm.permissions import REFUSED
from app.errors import Unsupported

router = APIRouter()
_FEATURES = "Atelier has no feature store: keep features as data assets, which have versions as well."
_NETWORK = "Atelier has no managed network: the server is reached where its operator lets it be."
_KEYS = "A workspace has no keys here: sign in with a personal token, from the page Tokens or `atelier token create`."
_QUOTAS = "Atelier has no quotas: how much runs at a time is said by queues and by `max_instances` of computes."
_MODELS = "Atelier deploys models to online endpoints only: register the model and make an online endpoint."
_PACKAGES = "Atelier makes no images of models: deploy the model itself, its environment is built when it is deployed."
ABSENT = {
    "featuresets": _FEATURES,
    "featurestoreEntities": _FEATURES,
    "outboundRules": _NETWORK,
    "privateEndpointConnections": _NETWORK,
    "provisionManagedNetwork": _NETWORK,
    "listKeys": _KEYS,
    "resyncKeys": _KEYS,
    "listStorageAccountKeys": _KEYS,
    "serverlessEndpoints": _MODELS,
    "marketplaceSubscriptions": _MODELS,
    "capabilityHosts": "Atelier runs no agents.",
    "diagnose": "Atelier says how it is at /readyz.",
}


def _refusing(told: str) -> Callable[[], None]:
    def refuse() -> None:
        raise Unsupported(told)

    return refuse


_ADDRESSES = {f"{WORKSPACE}/{word}": told for word, told in ABSENT.items()}
_ADDRESSES[f"{WORKSPACE}/models/{{name}}/versions/{{version}}/package"] = _PACKAGES
_ADDRESSES |= {f"{LOCATIONS}/{{location}}/{word}": _QUOTAS for word in ("quotas", "updateQuotas")}
for _address, _told in _ADDRESSES.items():
    for _path in (_address, _address + "/{rest:path}"):
        router.add_api_route(
            _path, _refusing(_told), methods=["GET", "POST", "PUT", "PATCH", "DELETE"], dependencies=[allow(REFUSED)]
        )
