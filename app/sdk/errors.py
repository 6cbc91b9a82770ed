"""What a call of the client can raise."""


class ClientError(Exception):
    """A call that failed, with the server's own words. `status` is None when no server answered."""

    def __init__(
        self, message: str, *, status: int | None = None, target: str | None = None, details: list[str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.target = target
        self.details = details or []


class BadFile(ClientError):
    """A file on this machine that cannot be sent as it is."""
