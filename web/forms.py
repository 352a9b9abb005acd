"""Posted forms: reading them, and telling our own from those made elsewhere (CSRF).

There are no sessions and no cookies. A form of ours carries a seal over its page's path and
the time; nobody who cannot read our page can make one. Besides, browsers say where a post
comes from. RFC 8058 posts come from mail systems and are exempt.
"""

import hmac
import time
from collections.abc import Sequence
from enum import Enum
from hashlib import blake2s
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from runtime.hosts import is_loopback

FIELDS_MAX: Final = 500
SEAL_FIELD: Final = "seal"
SEAL_HOURS: Final = 24


class Form:
    """The text fields of a posted form."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self._fields = tuple(fields)

    def one(self, name: str) -> str | None:
        """The first value of a field; None without one."""
        return next((value for key, value in self._fields if key == name), None)

    def every(self, name: str) -> list[str]:
        """All values of a field, in their order."""
        return [value for key, value in self._fields if key == name]

    @property
    def is_one_click(self) -> bool:
        """Whether it is RFC 8058's: section 3.1 gives both key and value."""
        return (self.one("List-Unsubscribe") or "").strip() == "One-Click"


async def read_form(request: Request) -> Form:
    """The request's form: multipart, or else urlencoded whatever it is called."""
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        async with request.form(max_files=10, max_fields=FIELDS_MAX) as form:
            return Form([(k, v) for k, v in form.multi_items() if not isinstance(v, UploadFile)])
    text = (await request.body()).decode("utf-8", "replace")
    try:
        return Form(parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX))
    except ValueError:
        raise HTTPException(400) from None


class FormFault(Enum):
    """Why a post is not one of our own forms'."""

    FOREIGN = "foreign"
    """It comes from another site's page."""
    STALE = "stale"
    """Its page is too old, or it has none of our seals: show the page again."""


class Seals:
    """Makes and checks the seals in forms; the first key makes them, all check."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._secrets = [blake2s(key.encode(), person=b"mn-form").digest() for key in keys]

    def seal(self, path: str) -> str:
        """The seal of a form on the page at `path`."""
        issued = int(time.time())
        return f"{issued:x}.{_signature(self._secrets[0], path, issued)}"

    def is_ours(self, seal: str, path: str) -> bool:
        """Whether it was made for this page, less than a day ago."""
        number, _, signature = seal.partition(".")
        try:
            issued = int(number, 16)
        except ValueError:
            return False
        if not 0 <= int(time.time()) - issued < SEAL_HOURS * 3600:
            return False
        return any(
            hmac.compare_digest(_signature(secret, path, issued).encode(), signature.encode())
            for secret in self._secrets
        )

    def alias(self, *subject: int) -> str:
        """A field's value that says nothing of its subject: always the same one for it.

        It begins with an underscore, which no slug has.
        """
        message = ",".join(map(str, subject)).encode()
        signed = blake2s(message, key=self._secrets[0], digest_size=8, person=b"mn-alias")
        return f"_{signed.hexdigest()}"

    def age_seconds(self, seal: str) -> float:
        """How long ago a form was made that bears this seal of ours."""
        return time.time() - int(seal.partition(".")[0], 16)

    def fault(self, request: Request, form: Form, base_url: str) -> FormFault | None:
        """What is wrong with a post to the request's path; None when it is our own form's."""
        if _comes_from_elsewhere(request.headers, base_url):
            return FormFault.FOREIGN
        if not self.is_ours(form.one(SEAL_FIELD) or "", request.url.path):
            return FormFault.STALE
        return None


def _signature(secret: bytes, path: str, issued: int) -> str:
    # Mail systems change the letter case of links, and then of forms.
    signed = f"{issued}\n{path.lower()}".encode()
    return blake2s(signed, key=secret, digest_size=16, person=b"mn-form").hexdigest()


def _comes_from_elsewhere(headers: Headers, base_url: str) -> bool:
    site = headers.get("sec-fetch-site")
    # "none": the person's own doing, such as loading the page again.
    if site is not None and site not in {"same-origin", "none"}:
        return True
    origin = headers.get("origin")
    # Pages that tell nobody where they are (Referrer-Policy: no-referrer) post with "null":
    # then the seal alone decides.
    if origin is None or origin == "null" or origin == _origin(base_url):
        return False
    here = urlsplit(origin)
    is_here = here.netloc == headers.get("host") and is_loopback(here.hostname or "")
    return not (is_here and is_loopback(urlsplit(base_url).hostname or ""))


def _origin(base_url: str) -> str:
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}".lower()
