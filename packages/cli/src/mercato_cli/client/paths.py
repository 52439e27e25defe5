"""Paths of routes."""

from urllib.parse import quote


def segment(text: str) -> str:
    """One segment of a path, whatever it contains."""
    return quote(text, safe="")
