"""Every page of the console, from the router, with values for the parameters of its address."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from mercato.console.routes import PageRoute

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_FILES = ("/artifacts/", "/files/", "/export")
"""Addresses that lead to a file, which is no page."""


@dataclass(frozen=True, order=True)
class KnownPage:
    """One page as its router writes it, such as `/vendor/services/{name}`."""

    template: str

    def address(self, values: Mapping[str, str]) -> str:
        """With values for its parameters; what nobody knows is `x`, of which there is nothing."""
        vendor = "{vendor}" in self.template
        known = {"number": "1", "slug": values.get("vendor", "x")} | dict(values)
        if "/datasets/{name}" in self.template:
            known["name"] = values.get("dataset", "x")
            known["number"] = values.get("number", "1")
        if vendor:
            known["service"] = values.get("name", "x")
        return _PARAMETER.sub(lambda found: known.get(found[1], "x"), self.template)


def pages_of(app: FastAPI) -> list[KnownPage]:
    """What `GET` gives a person, in alphabetical order; files apart."""
    return sorted(set(_pages(app)))


def _pages(app: FastAPI) -> Iterator[KnownPage]:
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, PageRoute) or context.path is None:
            continue
        if "GET" in (context.original_route.methods or ()) and not any(part in context.path for part in _FILES):
            yield KnownPage(context.path)
