"""The one exception that a rule raises when it says no. Doors translate it; the domain never imports a door."""


class Refusal(Exception):
    """A rule refused: a stable `code`, a message that says what to do, and the HTTP status a door answers with.

    `fields` maps input names to messages when the refusal is about input. Codes: S0-20 and `docs/errors.md`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        fields: dict[str, list[str]] | None = None,
        **extra,
    ):
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields or {}
        self.extra = extra


class NotFound(Refusal):
    """The row does not exist or is hidden from this person; both answer alike."""

    def __init__(self, message: str = "Not found.", code: str = "NOT_FOUND"):
        super().__init__(code, message, status=404)


class Forbidden(Refusal):
    """The row is visible, the verb is not allowed."""

    def __init__(self, message: str = "You do not have permission to do this."):
        super().__init__("FORBIDDEN", message, status=403)


class Conflict(Refusal):
    """The row is not in a state that allows this, or somebody was faster."""

    def __init__(self, message: str, code: str = "CONFLICT"):
        super().__init__(code, message, status=409)
