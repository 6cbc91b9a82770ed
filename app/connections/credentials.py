"""The credentials of connections and datastores: what may be seen of them, and what may not.

Source: the credential schemas of Azure ML CLI v2, in which those of a datastore carry no `type`.
"""

from dataclasses import dataclass

from app.kit.sections import Section

_SEEN = ("client_id", "tenant_id", "authority_url", "resource_url", "thumbprint")


@dataclass(frozen=True)
class Kind:
    """`shown` fields identify somebody, `secret` ones prove it."""

    shown: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()


KINDS = {
    "none": Kind(),
    "aad": Kind(),
    "pat": Kind(secret=("pat",)),
    "sas": Kind(secret=("sas_token",)),
    "api_key": Kind(secret=("key",)),
    "account_key": Kind(secret=("account_key",)),
    "access_key": Kind(("access_key_id",), ("secret_access_key",)),
    "username_password": Kind(("username",), ("password",)),
    "service_principal": Kind(_SEEN, ("client_secret",)),
    "certificate": Kind(_SEEN, ("certificate",)),
    "managed_identity": Kind(("client_id", "resource_id")),
}


@dataclass(frozen=True)
class Credentials:
    """`shown` has the type."""

    shown: dict[str, str]
    secret: dict[str, str]


def read(file: Section) -> Credentials | None:
    """The `credentials` of a file, or its `api_key`; None where it says nothing about them."""
    if "credentials" not in file:
        key = file.text("api_key")
        return Credentials({"type": "api_key"}, {"key": key}) if key else None
    given = file.section("credentials", "credentials")
    if given.values.get("type") == "sql_auth":
        given.values = given.values | {"type": "username_password"}
    type = given.choice("type", KINDS) or _guessed(given)
    if type is None:
        if not given.values.get("type"):
            given.wrong("type", f"is missing; it must be one of: {', '.join(KINDS)}.")
        return None
    kind = KINDS[type]
    given.check_fields(("type", *kind.shown, *kind.secret))
    secret = {name: given.text(name, required=True) or "" for name in kind.secret}
    shown = {name: given.text(name) or "" for name in kind.shown if name in given}
    return Credentials({"type": type, **shown}, secret)


def _guessed(given: Section) -> str | None:
    if not given.values:
        return "none"
    return next((name for name, kind in KINDS.items() if any(field in given for field in kind.secret)), None)
