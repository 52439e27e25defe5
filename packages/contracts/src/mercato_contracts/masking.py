"""Masks secrets wherever they occur: one rule for our own logs and for the output of vendors' code."""

import re

from mercato_contracts.keys import mask_keys

# Begins where a run of such characters begins, so that a run of a million is read once and not from each `eyJ` of it.
_JWT = re.compile(
    r"(?<![A-Za-z0-9_-])((?:(?!eyJ)[A-Za-z0-9_-])*)eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]++"
)
_URL_PASSWORD = re.compile(r"(?<=://)([^:/@\s]+):[^@/\s]+@")


def mask(text: str) -> str:
    """`text` without keys, session tokens and passwords in URLs."""
    return _URL_PASSWORD.sub(r"\1:…@", _JWT.sub(r"\1eyJ…", mask_keys(text)))
