"""What a handler raises when a call makes no sense to it."""


class Refused(Exception):
    """The caller's mistake: answered as 422 with this code, this sentence, and the fields that are wrong.

    Anything else that a handler raises is the vendor's own failure, answered as 500 without its text.
    """

    def __init__(self, code: str, detail: str, *, fix: str = "", fields: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.fix = fix
        self.fields = fields or {}
