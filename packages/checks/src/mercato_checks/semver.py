"""Versions and their ranges, as all of Mercato reads them (see `mercato_contracts.semver`)."""

from mercato_contracts.semver import Bump, NotSemVer, Range, Version

__all__ = ["Bump", "NotSemVer", "Range", "Version"]
