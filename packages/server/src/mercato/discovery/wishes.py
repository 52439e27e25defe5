"""Words of a query that ask for a price, a context window, a measured figure or an order, and not for a thing: read as
filters.

Only whole phrases are read, and what a request says itself is never overruled: such words stay words.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from mercato.discovery.numbers import NUMBERS, NumberName, Range, Sort, make_sort
from mercato.discovery.ports import Filters
from mercato_contracts.money import NANOS_PER_UNIT, Currency

PriceName = Literal["price_per_call", "price_per_1k_tokens", "price_per_month"]
Order = NumberName | Literal["price"]
"""`price`: whichever of the three prices most of what is found has."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What words of a query were read as: a parameter of the search and its value."""

    words: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Understood:
    """A query without the words that were read as filters, and with those filters."""

    text: str
    filters: Filters
    sort: Sort | None = None
    order: Order | None = None
    """The order that words ask for; `sort` once it is known which number that is."""
    order_words: str = ""
    wishes: tuple[Wish, ...] = ()

    def sorted_by(self, name: NumberName) -> "Understood":
        """The words of the order mean this number."""
        wish = Wish(self.order_words, "sort", name)
        return replace(self, sort=make_sort(name, None), order=None, wishes=(*self.wishes, wish))


def read_wishes(text: str, filters: Filters, sort: Sort | None) -> Understood:
    """What the words of this query ask for in addition to `filters` and `sort`, which are kept."""
    reading = _Reading(text, filters)
    for pattern, read in _FILTERS:
        reading.take(pattern, read)
    if sort is None:
        reading.take_order()
    left = " ".join(reading.text.split()).strip(" ,;")
    return Understood(left, reading.filters, sort, reading.order, reading.order_words, tuple(reading.wishes))


@dataclass(slots=True)
class _Reading:
    """One query while it is read."""

    text: str
    filters: Filters
    wishes: list[Wish] = field(default_factory=list)
    order: Order | None = None
    order_words: str = ""

    def take(self, pattern: re.Pattern[str], read: "_Read") -> None:
        """Read the first phrase of this pattern and cut it out, if it says something new."""
        for found in pattern.finditer(self.text):
            if read(self, found):
                self._cut(found)
                return

    def take_order(self) -> None:
        """The first order that is asked for; a second one cannot be kept as well."""
        found = min(_find_orders(self.text), key=lambda pair: pair[0].start(), default=None)
        if found is None:
            return
        match, self.order = found
        self.order_words = _words(match)
        self._cut(match)
        unit = _BY_UNIT.search(self.text)
        if self.order == "price" and unit is not None:
            self.order = _unit(unit["unit"])[0]
            self.order_words += f" {_words(unit)}"
            self._cut(unit)

    def _cut(self, found: re.Match[str]) -> None:
        self.text = f"{self.text[: found.start()]} {self.text[found.end() :]}"

    def narrow(
        self, name: NumberName, span: Range, found: re.Match[str], currency: Currency | None = None, shown: str = ""
    ) -> bool:
        """Add a range, unless the request has one of this number, or prices in another currency. `shown` is the
        parameter's value where that is not the number itself.
        """
        ranges = self.filters.ranges
        priced = any(NUMBERS[one].of_currency for one in ranges)
        other = currency is not None and currency != self.filters.currency
        if name in ranges or (other and priced):
            return False
        self.filters = replace(
            self.filters,
            ranges={**ranges, name: span},
            currency=currency if currency and other else self.filters.currency,
        )
        if currency and other:
            self.wishes.append(Wish(_words(found), "currency", currency))
        bound, value = ("min", span.least) if span.least is not None else ("max", span.most)
        self.wishes.append(Wish(_words(found), f"{bound}_{name}", shown or str(value)))
        return True


_Read = Callable[[_Reading, re.Match[str]], bool]

_BEGIN, _END = r"(?<![\w.\-])", r"(?![\w\-])"
_LIMIT = (
    r"(?:for |at |costing |für |à |a )?(?:under|below|less than|cheaper than|at most|no more than|up to|max(?:imum)?"
    r"|<=?|≤|unter|höchstens|maximal|weniger als|bis zu|moins de|au plus|menos de|meno di)"
)
_AMOUNT = (
    r"(?P<sign>[$€])?\s?(?P<amount>\d{1,9}(?:[.,]\d{1,9})?)\s?"
    r"(?P<coin>usd|eur|dollars?|d[oó]lares|euros?|cents?|¢|€|\$)?"
)
_TOKENS = r"tok(?:en)?s?"
_UNIT = (
    rf"(?P<unit>(?:1\s?)?(?:m|mio|million|millón|milione|mtok)(?:\s?(?:de |di )?{_TOKENS})?"
    rf"|(?:1\s?k|1,?000|k|thousand|tausend)\s?{_TOKENS}|{_TOKENS}"
    r"|calls?|requests?|months?|mo|aufruf|anfrage|appel|requête|llamada|chiamata|monat|mois|mes|mese)"
)
_PRICE = re.compile(
    rf"{_BEGIN}{_LIMIT}\s?{_AMOUNT}\s?"
    rf"(?:(?:per|/|an?|each|for(?: a| each)?|pro|je|par|por|al)\s?{_UNIT}|(?P<monthly>monthly)){_END}",
    re.I,
)
_AT_LEAST = r"(?:with |and )?(?:an? )?(?:at least |more than |over |min(?:imum)? |>=? ?|≥ ?)?(?:an? )?"
_SIZE = r"(?P<size>\d{1,9}(?:[.,]\d{1,3}){0,2})\s?(?P<times>k|m|thousand|million)?\+?"
_WINDOW = r"(?:(?:context|ctx)(?:[ \-]?(?:window|length|size))?|kontext(?:fenster)?|contexte|contexto|contesto)"
_CONTEXT = re.compile(rf"{_BEGIN}{_AT_LEAST}{_SIZE}[\s\-]?(?:{_TOKENS} )?(?:of )?{_WINDOW}{_END}", re.I)
_CONTEXT_OF = re.compile(
    rf"{_BEGIN}(?:with )?(?:an? )?{_WINDOW} (?:of |from )?(?:at least |more than |over |>=? ?|≥ ?)?{_SIZE}"
    rf"(?: {_TOKENS})?{_END}",
    re.I,
)
_NOT_A_PRICE = r"(?!\s?-|\s(?:form|text|speech|space|fall|energy|verse|trade|software|hand|viewpoint|will|time)\b)"
_FREE = re.compile(
    rf"^free{_END}{_NOT_A_PRICE}|{_BEGIN}(?:for free|free of charge|free (?:tier|plan|to use)|(?:at )?no cost"
    r"|kostenlos(?:e[nrs]?)?|gratuite?s?|gratis|gratuit[oa]s?|бесплатн(?:о|ый|ая|ое|ые))(?!\w)|免费的?|免費的?|無料の?|무료",
    re.I,
)
_TIME = r"(?P<time>\d{1,6}(?:[.,]\d{1,3})?)\s?(?P<in>ms|milliseconds?|s|sec|seconds?)"
_LATENCY = r"(?:p95|latency|response times?)"
_FAST = re.compile(rf"{_BEGIN}(?:with )?{_LIMIT}\s?{_TIME} (?:of )?{_LATENCY}{_END}", re.I)
_FAST_OF = re.compile(rf"{_BEGIN}(?:with )?(?:an? )?{_LATENCY} (?:of )?{_LIMIT}\s?{_TIME}{_END}", re.I)
_AVAILABLE = re.compile(
    rf"{_BEGIN}{_AT_LEAST}(?P<share>\d{{2}}(?:[.,]\d{{1,2}})?)\s?% "
    rf"(?:uptime|availability|available|verfügbarkeit){_END}",
    re.I,
)
# "5 star hotels" are no rating of a service, so words must say that a rating is meant.
_RATED = re.compile(
    rf"{_BEGIN}(?:(?:rated |with )+(?:at least |over |>=? ?|≥ ?)?|(?:at least |over |>=? ?|≥ ?))"
    rf"(?P<stars>[1-5](?:[.,]\d)?)\+? stars?(?: or (?:more|better|higher)| and up)?{_END}",
    re.I,
)
_BY_UNIT = re.compile(rf"{_BEGIN}(?:per|by|/)\s?{_UNIT}{_END}", re.I)


def _order(words: str, unspaced: str = "") -> re.Pattern[str]:
    """`unspaced`: words of scripts without spaces, which have no ends."""
    return re.compile(rf"{_BEGIN}(?:the )?(?:{words}){_END}" + (f"|{unspaced}" if unspaced else ""), re.I)


_ORDERS: tuple[tuple[re.Pattern[str], Order], ...] = (
    (
        _order(
            "cheapest|lowest[- ]priced?|lowest[- ]cost|least expensive|most affordable|(?:billigste|günstigste)[nrs]?"
            "|(?:le |la |les )?moins ch(?:er|ère)s?|(?:el |la |lo )?más barat[oa]|сам(?:ый|ая|ое) деш[её]в(?:ый|ая|ое)",
            "最便宜的?|最安の?|가장 저렴한|가장 싼",
        ),
        "price",
    ),
    (_order(rf"(?:largest|longest|biggest) {_WINDOW}"), "context_window"),
    (_order("fastest|lowest[- ]latency|schnellste[nrs]?|plus rapides?|más rápid[oa]s?", "最快的?|最速の?"), "p95_ms"),
    (_order("(?:best|top|highest)[- ]rated"), "rating"),
    (_order("newest|most recent|neueste[nrs]?|plus récente?s?|más recientes?", "最新的?|最新の?"), "released"),
    (_order("most (?:popular|used)|beliebteste[nrs]?|plus populaires?|más populares?", "最受欢迎的?|人気の?"), "calls"),
    (_order("most reliable|highest (?:availability|uptime)|zuverlässigste[nrs]?"), "availability_bp"),
)

_CALLS = ("call", "request", "aufruf", "anfrage", "appel", "requête", "llamada", "chiamata")
_HIGHEST = 2**62
_THOUSAND, _MILLION = 1_000, 1_000_000
_TIMES = {"": 1, "k": _THOUSAND, "thousand": _THOUSAND, "m": _MILLION, "million": _MILLION}


def _find_orders(text: str) -> Iterator[tuple[re.Match[str], Order]]:
    for pattern, order in _ORDERS:
        found = pattern.search(text)
        if found is not None:
            yield found, order


def _read_price(reading: _Reading, found: re.Match[str]) -> bool:
    sign, coin = found["sign"] or "", (found["coin"] or "").casefold()
    name, share = _unit("month" if found["monthly"] else found["unit"])
    if name != "price_per_1k_tokens" and not (sign or coin):
        return False  # "up to 100 calls a month" is a quota
    currency: Currency | None = "EUR" if sign == "€" or coin[:3] == "eur" or coin == "€" else None
    if currency is None and (sign or coin):
        currency = "USD"
    amount = _number(found["amount"]) / (100 if coin in ("cent", "cents", "¢") else 1)
    return reading.narrow(name, Range(most=min(int(amount * NANOS_PER_UNIT * share), _HIGHEST)), found, currency)


def _unit(unit: str) -> tuple[PriceName, Decimal]:
    """The price that has this unit, and what one of the unit is of the price's own."""
    folded = unit.casefold()
    if folded.startswith(_CALLS):
        return "price_per_call", Decimal(1)
    if folded.startswith(("mo", "mes")):
        return "price_per_month", Decimal(1)
    if folded.startswith("tok"):
        return "price_per_1k_tokens", Decimal(_THOUSAND)
    thousand = folded.startswith(("k", "thousand", "tausend", "1,0", "10")) or folded.replace(" ", "").startswith("1k")
    return "price_per_1k_tokens", Decimal(1) if thousand else Decimal(1) / _THOUSAND


def _read_context(reading: _Reading, found: re.Match[str]) -> bool:
    least = int(_number(found["size"]) * _TIMES[(found["times"] or "").casefold()])
    # "4 context" is no size of a window.
    return least >= _THOUSAND and reading.narrow("context_window", Range(least=least), found)


def _read_latency(reading: _Reading, found: re.Match[str]) -> bool:
    unit = 1 if found["in"].casefold().startswith("m") else 1_000
    return reading.narrow("p95_ms", Range(most=int(_number(found["time"]) * unit)), found)


def _read_availability(reading: _Reading, found: re.Match[str]) -> bool:
    return reading.narrow("availability_bp", Range(least=int(_number(found["share"]) * 100)), found)


def _read_rating(reading: _Reading, found: re.Match[str]) -> bool:
    stars = min(_number(found["stars"]), Decimal(5))
    return reading.narrow("rating", Range(least=int(stars * 100)), found, shown=str(stars))


def _read_free(reading: _Reading, found: re.Match[str]) -> bool:
    if reading.filters.facets.get("pricing"):
        return False
    reading.filters = replace(reading.filters, facets={**reading.filters.facets, "pricing": ("free",)})
    reading.wishes.append(Wish(_words(found), "pricing", "free"))
    return True


_FILTERS: tuple[tuple[re.Pattern[str], _Read], ...] = (
    (_PRICE, _read_price),
    (_CONTEXT, _read_context),
    (_CONTEXT_OF, _read_context),
    (_FAST, _read_latency),
    (_FAST_OF, _read_latency),
    (_AVAILABLE, _read_availability),
    (_RATED, _read_rating),
    (_FREE, _read_free),
)


def _number(text: str) -> Decimal:
    """`1,000` has a thousands separator, `0,10` a decimal comma."""
    if re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+", text):
        return Decimal(text.replace(",", ""))
    whole, *parts = re.split("[.,]", text)
    return Decimal(f"{whole}.{''.join(parts)}" if parts else whole)


def _words(found: re.Match[str]) -> str:
    return " ".join(found[0].split())
