"""What can be wrong with a release that somebody asks to send."""


class ReleaseError(ValueError):
    """A release that cannot be read; `str()` is one plain line: what, where, how to mend it."""


class EmbargoError(ReleaseError):
    """An embargo, or a time to send at, that cannot be understood beyond doubt.

    It is raised rather than ignored: a release that leaves too early cannot be called back.
    """

    def __init__(self, why: str, *, lacks_date: bool = False) -> None:
        super().__init__(why)
        self.lacks_date = lacks_date
        """Only its date, or the year, is not printed: the release's own may stand in for it."""
