"""What can be wrong with a release that somebody asks to send."""


class ReleaseError(ValueError):
    """A release that cannot be read; `str()` is one plain line: what, where, how to mend it."""


class EmbargoError(ReleaseError):
    """An embargo, or a time to send at, that cannot be understood beyond doubt.

    It is raised rather than ignored: a release that leaves too early cannot be called back.
    """
