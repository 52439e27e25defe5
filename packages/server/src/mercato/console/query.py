"""The address as the state of a page: its filters, and the links that add or take one away."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

_PAGING = frozenset({"after", "before", "cursor", "people", "keys", "sent", "invoices", "payouts"})
"""Where a page of a list begins; a page with several lists has a name for each."""
_DAYS = {"from": ("since", 0), "to": ("until", 1)}
"""Days as a person picks them, in their zone; both are inclusive."""


def asked(query: bytes, zone: str) -> bytes:
    """The query without empty fields, with days as the moments that they begin or end at in `zone`."""
    pairs: list[tuple[str, str]] = []
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if not value.strip():
            continue
        pairs.append((name, value))
        moment = _moment(name, value, zone)
        if moment is not None:
            pairs.append(moment)
    return urlencode(pairs).encode("latin-1")


def _moment(name: str, value: str, zone: str) -> tuple[str, str] | None:
    if name not in _DAYS:
        return None
    try:
        picked = date.fromisoformat(value)
        bound, days = _DAYS[name]
        at = datetime.combine(picked + timedelta(days=days), datetime.min.time(), ZoneInfo(zone))
    except (ValueError, OverflowError):
        return None
    return bound, at.isoformat()


@dataclass(frozen=True, slots=True)
class Address:
    """This page's path and query."""

    path: str
    pairs: Sequence[tuple[str, str]]

    def with_(self, **changes: object) -> str:
        """The same page with other values; `None` takes one away. It begins at the first page again."""
        return self._of([(name, value) for name, value in self._kept() if name not in changes], changes)

    def on(self, name: str, cursor: str | None) -> str:
        """The page that follows; empty where there is none."""
        return "" if cursor is None else self.with_(**{name: cursor})

    def first(self) -> str:
        """The first page, where this is another one."""
        return self.with_() if any(name in _PAGING for name, _ in self.pairs) else ""

    def toggled(self, name: str, value: str) -> str:
        """The same page with one more value of a filter, or one less where it has it."""
        kept = [pair for pair in self._kept() if pair != (name, value)]
        return self._of(kept, {} if self.has(name, value) else {name: value})

    def has(self, name: str, value: str) -> bool:
        """Whether this value is filtered by."""
        return (name, value) in self.pairs

    def get(self, name: str) -> str:
        """The value of a filter, or an empty text."""
        return next((value for known, value in self.pairs if known == name), "")

    def chips(self, names: Mapping[str, str]) -> list[tuple[str, str, str]]:
        """The filters in force: what each is called, its value, and the page without it."""
        return [(names[name], value, self.toggled(name, value)) for name, value in self._kept() if name in names]

    def query(self, leaving: Iterable[str] = ()) -> str:
        """The query itself, for a file of the same."""
        return urlencode([pair for pair in self._kept() if pair[0] not in leaving])

    def _kept(self) -> list[tuple[str, str]]:
        derived = {bound for day, (bound, _) in _DAYS.items() if any(name == day for name, _ in self.pairs)}
        return [(name, value) for name, value in self.pairs if name not in _PAGING and name not in derived]

    def _of(self, kept: Sequence[tuple[str, str]], more: Mapping[str, object]) -> str:
        added = [(name, str(value)) for name, value in more.items() if value not in (None, "")]
        query = urlencode([*kept, *added])
        return f"{self.path}?{query}" if query else self.path


def address_of(path: str, query: str) -> Address:
    """The address of a request."""
    return Address(path, parse_qsl(query))
