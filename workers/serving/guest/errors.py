"""What a scoring server answers when it cannot score."""


class ScoringError(Exception):
    """An answer with a status of its own; `retry_after` is in seconds."""

    status = 500
    code = "ScoringFailed"
    retry_after: int | None = None

    def __init__(self, message: str, target: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.target = target

    def body(self) -> dict:
        return {"error": {"code": self.code, "message": self.message, "target": self.target}}


class BadInput(ScoringError):
    status, code = 400, "BadInput"


class Unauthorized(ScoringError):
    status, code = 401, "Unauthorized"


class NotFound(ScoringError):
    status, code = 404, "NotFound"


class MethodNotAllowed(ScoringError):
    status, code = 405, "MethodNotAllowed"


class TooBusy(ScoringError):
    status, code, retry_after = 429, "TooManyRequests", 1


class NotReady(ScoringError):
    status, code, retry_after = 503, "NotReady", 2


class TimedOut(ScoringError):
    status, code = 504, "RequestTimeout"
