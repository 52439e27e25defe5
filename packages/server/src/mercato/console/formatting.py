"""Numbers, money and times as people read them. Amounts are exact: integers are never rounded through floats."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

NANOS = 1_000_000_000
_CENTS = 10_000_000
_DASH = "—"


def usd(nanos: int | None) -> str:
    """Nano-dollars as dollars, exactly: two decimals at least, and as many more as the amount needs."""
    if nanos is None:
        return _DASH
    whole, rest = divmod(abs(nanos), NANOS)
    decimals = f"{rest:09d}"
    shown = decimals[:2] + decimals[2:].rstrip("0")
    return f"{'−' if nanos < 0 else ''}${whole:,}.{shown}"


def money(nanos: int | None, currency: str) -> str:
    """An exact amount of any currency: dollars with their sign, others with their code."""
    text = usd(nanos)
    return text if currency == "USD" or nanos is None else f"{text.replace('$', '')} {currency}"


def usd_rounded(nanos: int | None) -> str:
    """Nano-dollars to the cent, half away from zero, for overviews; the exact amount belongs beside it."""
    if nanos is None:
        return _DASH
    cents = (abs(nanos) + _CENTS // 2) // _CENTS
    if nanos and not cents:
        return f"{'−' if nanos < 0 else ''}<$0.01"
    return f"{'−' if nanos < 0 else ''}${cents // 100:,}.{cents % 100:02d}"


def money_rounded(nanos: int | None, currency: str) -> str:
    """An amount of any currency to the hundredth, for overviews."""
    text = usd_rounded(nanos)
    return text if currency == "USD" or nanos is None else f"{text.replace('$', '')} {currency}"


def rating(stars: int, reviews: int) -> str:
    """The mean of so many reviews, 1 to 5; empty where there are none."""
    return f"{stars / reviews:.2f}" if reviews else ""


def count(number: int | None) -> str:
    """1,234,567."""
    return _DASH if number is None else f"{number:,}".replace("-", "−")


def compact(number: int | None) -> str:
    """1.2M; the exact number belongs beside it, in a title or a table."""
    if number is None:
        return _DASH
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if abs(number) >= size:
            tenths = abs(number) * 10 // size
            shown = f"{tenths // 10}" if tenths >= 1000 or not tenths % 10 else f"{tenths // 10}.{tenths % 10}"
            return f"{'−' if number < 0 else ''}{shown}{letter}"
    return count(number)


def share(basis_points: int | None) -> str:
    """Basis points as per cent: 9950 is 99.50 %."""
    if basis_points is None:
        return _DASH
    sign, points = ("−" if basis_points < 0 else ""), abs(basis_points)
    return f"{sign}{points // 100}.{points % 100:02d} %"


def millis(micros: int | None) -> str:
    """Microseconds as milliseconds, or seconds from ten on."""
    if micros is None:
        return _DASH
    if micros >= 10_000_000:
        return f"{micros // 1_000_000:,}.{micros // 100_000 % 10} s"
    return f"{micros // 1000:,} ms" if micros >= 10_000 else f"{micros // 1000}.{micros // 100 % 10} ms"


def size(octets: int | None) -> str:
    """Bytes in binary units."""
    if octets is None:
        return _DASH
    for limit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if octets >= limit:
            tenths = octets * 10 // limit
            return f"{tenths // 10:,}.{tenths % 10} {name}"
    return f"{octets} B"


def when(at: datetime | None, zone: str) -> str:
    """29 Nov 2026, 14:05, in a time zone."""
    return _DASH if at is None else f"{_local(at, zone):%-d %b %Y, %H:%M}"


def day(at: datetime | None, zone: str) -> str:
    """29 Nov 2026, in a time zone."""
    return _DASH if at is None else f"{_local(at, zone):%-d %b %Y}"


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    return "never" if at is None else _distance(now - at)


def _distance(gone: timedelta) -> str:
    seconds = int(abs(gone).total_seconds())
    for length, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length} {name} ago" if gone > timedelta(0) else f"in {seconds // length} {name}"
    return "just now" if gone >= timedelta(0) else "in a moment"


def _local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone)) if zone != "UTC" else at.astimezone(UTC)


@cache
def _zones() -> frozenset[str]:
    """Finding them walks hundreds of files: 4 ms."""
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})


def known_zone(name: str | None) -> str:
    """The zone, or UTC where there is none of this name."""
    return name if name in _zones() else "UTC"
