"""What a client asks first: which cloud this is, and for a token.

Source: Azure Resource Manager's `/metadata/endpoints?api-version=2019-05-01`, App Service's managed-identity
endpoint (`X-IDENTITY-HEADER`, 2019-08-01), and the client-credentials grant of AD FS.
"""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Header, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from app.access import bearer, identity
from app.access.caller import Identity
from app.access.guard import allow
from app.access.permissions import PUBLIC, SIGN_IN
from app.dialects.arm.variables import CLOUD
from app.errors import Invalid, NotFound, Unauthenticated
from app.web.session import SessionDep

router = APIRouter()
METADATA = "/metadata/endpoints"
SUFFIX = "atelier"
"""Clients form the audience of Azure ML's tokens from it: `https://ml.azure.atelier`."""


def address(request: Request) -> str:
    """Where this server speaks HTTPS, without a slash at the end, as the caller knows it."""
    if request.url.scheme == "https":
        return f"https://{request.url.netloc}"
    return request.app.state.settings.secure_url or f"http://{request.url.netloc}"


@router.get(METADATA, dependencies=[allow(PUBLIC)])
def metadata(request: Request) -> list[dict]:
    return described(address(request))


def described(base: str) -> list[dict]:
    """The one cloud that the server at `base` is."""
    cloud = {
        "name": CLOUD,
        # Whatever follows its second dot becomes the suffix of other addresses.
        "portal": f"https://portal.studio.{SUFFIX}",
        "resourceManager": base,
        "graph": base,
        "gallery": base,
        "batch": base,
        "media": base,
        "activeDirectoryDataLake": base,
        "sqlManagement": base,
        "vmImageAliasDoc": base,
        "microsoftGraphResourceId": base,
        "appInsightsResourceId": base,
        "logAnalyticsResourceId": base,
        "authentication": {
            "loginEndpoint": base,
            "audiences": [base],
            "tenant": "adfs",
            "identityProvider": "ADFS",
        },
        "suffixes": {
            "storage": urlsplit(base).hostname,
            "keyVaultDns": SUFFIX,
            "acrLoginServer": SUFFIX,
            "sqlServerHostname": SUFFIX,
        },
    }
    return [cloud]


@router.get("/metadata/certificate-authority.pem", dependencies=[allow(PUBLIC)], response_class=PlainTextResponse)
def authority(request: Request) -> PlainTextResponse:
    """The authority that issued this server's certificate; raises NotFound where a certificate was given."""
    settings = request.app.state.settings
    file = settings.home / "tls" / "ca.pem"
    if settings.tls_certificate or not file.is_file():
        raise NotFound("This server's certificate was not issued by an authority of its own.")
    return PlainTextResponse(file.read_text(), media_type="application/x-pem-file")


@router.get("/msi/token", dependencies=[allow(PUBLIC)])
def managed_identity(
    request: Request, resource: str, secret: Annotated[str, Header(alias="X-IDENTITY-HEADER")] = ""
) -> JSONResponse:
    """A token for a resource, in exchange for a personal token."""
    text, expires = _mint(_identify(secret, "X-IDENTITY-HEADER"), resource)
    body = {"access_token": text, "expires_on": str(expires), "resource": resource, "token_type": "Bearer"}
    return _never_kept(body | {"client_id": "atelier"})


@router.get("/adfs/.well-known/openid-configuration", dependencies=[allow(PUBLIC)])
def openid(request: Request) -> dict:
    base = f"{address(request)}/adfs"
    return {
        "issuer": base,
        "authorization_endpoint": f"{base}/oauth2/authorize",
        "token_endpoint": f"{base}/oauth2/token",
        "device_authorization_endpoint": f"{base}/oauth2/devicecode",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "response_types_supported": ["token"],
    }


@router.post("/adfs/oauth2/token", dependencies=[allow(SIGN_IN)])
def client_credentials(
    session: SessionDep,
    client_secret: Annotated[str, Form()] = "",
    scope: Annotated[str, Form()] = "",
    grant_type: Annotated[str, Form()] = "",
) -> JSONResponse:
    """The same for `AZURE_CLIENT_SECRET`: the personal token; the client's id may be anything."""
    if grant_type != "client_credentials":
        raise Invalid("grant_type: only client_credentials is taken.", target="grant_type")
    resource = next((part for part in scope.split() if part.endswith("/.default")), scope).removesuffix("/.default")
    who = _identify(client_secret, "client_secret")
    text, _ = _mint(who, resource)
    session.info["actor"] = who.name
    return _never_kept({"access_token": text, "expires_in": bearer.LIFE_SECONDS, "token_type": "Bearer"})


def _identify(secret: str, field: str) -> Identity:
    # What was minted here cannot be renewed by itself, or it would never end.
    who = identity.identify("token", secret) if secret and bearer.read(secret) is None else None
    if who is None or who.token_id is None:
        raise Unauthenticated(
            f"{field}: it is no personal token of this server, or one that has ended. Make one on the page Tokens or "
            "by `atelier token create`.",
            target=field,
        )
    return who


def _mint(who: Identity, resource: str) -> tuple[str, int]:
    if not resource or resource == bearer.STORAGE:
        raise Invalid("resource: say what the token is for, such as the server's address.", target="resource")
    return bearer.mint(who.token_id, who.name, resource)


def _never_kept(body: dict) -> Response:
    return JSONResponse(body, headers={"Cache-Control": "no-store"})
