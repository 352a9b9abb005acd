"""CSS into style attributes, for mail clients that drop style blocks (Premailer)."""

import logging

import cssutils
from lxml import etree
from premailer import Premailer

# cssutils reports each declaration newer than CSS 2.1 on standard error.
cssutils.log.setLevel(logging.CRITICAL)

# Attributes of HTML 3.2 that Premailer would copy out of the styles.
_OLD_ATTRIBUTES = ["align", "valign", "bgcolor", "width", "height"]


def inline_styles(html: str) -> str:
    """The document with its first style block inlined.

    Style blocks marked `data-premailer="ignore"` (media queries) stay as they are. Nothing is
    fetched; `!important` and links are left alone.
    """
    # Parsed here, because Premailer's own parser ends a document at 10 MB without a word.
    page = etree.fromstring(html, etree.HTMLParser(huge_tree=True))
    premailer = Premailer(
        page,
        allow_network=False,
        strip_important=False,
        disable_validation=True,
        disable_leftover_css=True,
        disable_link_rewrites=True,
        align_floating_images=False,
        disable_basic_attributes=_OLD_ATTRIBUTES,
    )
    inlined: bytes = etree.tostring(premailer.transform(), method="html", encoding="utf-8")
    return inlined.decode()
