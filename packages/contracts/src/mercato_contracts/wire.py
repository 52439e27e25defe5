"""The base of every message."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Wire(BaseModel):
    """A message: immutable. Unknown fields are refused, so a typo is never silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def build_when_used() -> None:
    """For a program that uses few messages and soon ends: the validators of the others are never built.

    To be called before any other module of the contracts is imported; a server builds all of them before its first
    request instead.
    """
    Wire.model_config["defer_build"] = True


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
"""A name in an address: lower-case letters, digits and inner hyphens, at most 63."""

Nanos = Annotated[int, Field(ge=0, le=9_000_000_000_000_000_000)]
"""Whole nano-units of a currency: 1 USD is 1_000_000_000."""

Count = Annotated[int, Field(ge=0, le=9_000_000_000_000_000_000)]
"""A whole number of tokens, requests or bytes; fits a signed 64-bit integer."""
