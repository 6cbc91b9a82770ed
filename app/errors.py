"""The one error hierarchy. Services raise it; `app.web.errors` renders it in the caller's dialect.

AtelierError                500
├── Invalid                 400
├── Unauthenticated         401
├── Forbidden               403
├── NotFound                404
├── Conflict                409
│   └── AlreadyExists       409
├── PreconditionFailed      412
├── TooLarge                413
├── InvalidRange            416
├── QuotaExceeded           429
├── Unsupported             501
└── Unavailable             503
"""


class AtelierError(Exception):
    """An error whose message may be shown to the caller.

    `target` names the field or thing that is at fault; `details` holds further messages.
    """

    status = 500
    title = "Something went wrong"

    def __init__(self, message: str, *, target: str | None = None, details: list[str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.target = target
        self.details = details or []

    @property
    def code(self) -> str:
        return type(self).__name__


class Invalid(AtelierError):
    status = 400
    title = "That is not valid"


class Unauthenticated(AtelierError):
    status = 401
    title = "Sign in first"


class Forbidden(AtelierError):
    status = 403
    title = "You may not do this"


class NotFound(AtelierError):
    status = 404
    title = "Not found"


class Conflict(AtelierError):
    status = 409
    title = "That is not possible now"


class AlreadyExists(Conflict):
    title = "It exists already"


class PreconditionFailed(AtelierError):
    status = 412
    title = "It has changed meanwhile"


class TooLarge(AtelierError):
    status = 413
    title = "Too large"


class InvalidRange(AtelierError):
    status = 416
    title = "The file is shorter"


class QuotaExceeded(AtelierError):
    status = 429
    title = "Over the limit"


class Unsupported(AtelierError):
    """What the protocol knows and this server does not offer."""

    status = 501
    title = "Not offered here"


class Unavailable(AtelierError):
    status = 503
    title = "Not available right now"
