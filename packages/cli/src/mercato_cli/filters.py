"""The options by which services are filtered, shared by the commands that find services."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from mercato_cli.errors import MpError

Command = TypeVar("Command", bound=Callable[..., Any])

_VALUES = {
    "protocol": "openai, anthropic, openapi or signal; several are alternatives.",
    "task": "Such as embeddings, chat, signals.",
    "modality": "Such as text, image, tabular: in or out.",
    "modality-in": "What goes in.",
    "modality-out": "What comes out.",
    "tag": "A vendor's own tag.",
    "licence": "An SPDX expression, or proprietary.",
    "vendor": "Only this vendor's.",
    "region": "Where it runs.",
    "status": "live or deprecated.",
    "pricing": "free, per_call, per_token or per_month.",
}
_SWITCHES = {"verified": "vendors that are verified", "sla-met": "services that keep what they promise"}
_PRICES = {
    "price": ("price_per_call", 1, "one more call, such as 0.001"),
    "token-price": ("price_per_1k_tokens", 1_000, "a million tokens, such as 0.10"),
    "monthly": ("price_per_month", 1, "a month"),
}
_BOUNDS = {
    "context": ("context_window", "tokens of context", click.INT),
    "p95": ("p95_ms", "measured p95 in milliseconds", click.INT),
    "availability": ("availability_bp", "measured availability in percent, such as 99.9", click.FLOAT),
    "rating": ("rating", "stars, 1 to 5", click.FLOAT),
    "calls": ("calls", "calls in 30 days", click.INT),
    "consumers": ("consumers", "calling organisations in 30 days", click.INT),
}


def filter_options(command: Command) -> Command:
    """Every filter as an option of this command; `asked_of` reads them."""
    options = [click.option(f"--{name}", multiple=True, help=text) for name, text in _VALUES.items()]
    options += [
        click.option(f"--{name}/--not-{name}", default=None, help=f"Only {t}.") for name, t in _SWITCHES.items()
    ]
    options.append(click.option("--currency", type=click.Choice(["USD", "EUR"]), help="The currency of the prices."))
    for name, (_, _, of) in _PRICES.items():
        options += [click.option(f"--{end}-{name}", metavar="AMOUNT", help=f"{w} price of {of}.") for end, w in _ENDS]
    for name, (_, of, kind) in _BOUNDS.items():
        options += [click.option(f"--{end}-{name}", type=kind, metavar="N", help=f"{w} {of}.") for end, w in _ENDS]
    options.append(click.option("--released-since", metavar="DATE", help="Released on this day or later."))
    options.append(click.option("--released-until", metavar="DATE", help="Released before this moment."))
    options.append(
        click.option("--literal", is_flag=True, help="Do not interpret words such as cheapest or 1M context.")
    )
    for option in reversed(options):
        command = option(command)
    return command


_ENDS = (("min", "Lowest"), ("max", "Highest"))


def asked_of(options: dict[str, Any]) -> dict[str, Any]:
    """The filters as the API's parameters; the options that are none of them are left alone."""
    asked: dict[str, Any] = {}
    for name in _VALUES:
        if options[_key(name)]:
            asked[_key(name)] = list(options[_key(name)])
    for name in _SWITCHES:
        if options[_key(name)] is not None:
            asked[_key(name)] = "yes" if options[_key(name)] else "no"
    for name in ("currency", "released_since", "released_until"):
        if options[name] is not None:
            asked[name] = options[name]
    if options["literal"]:
        asked["understand"] = "false"
    for end, _ in _ENDS:
        for name, (parameter, unit, _) in _PRICES.items():
            if (text := options[_key(f"{end}-{name}")]) is not None:
                asked[f"{end}_{parameter}"] = _nanos(f"--{end}-{name}", text, unit)
        for name, (parameter, _, _) in _BOUNDS.items():
            if (number := options[_key(f"{end}-{name}")]) is not None:
                asked[f"{end}_{parameter}"] = round(number * 100) if parameter == "availability_bp" else number
    return asked


def _key(option: str) -> str:
    return option.replace("-", "_")


def _nanos(option: str, text: str, unit: int) -> int:
    """Nano-units of the amount; of `unit` thousands, rounded down so that no dearer one is let in."""
    from mercato_contracts.money import parse_amount

    try:
        return parse_amount(text) // unit
    except ValueError as error:
        raise MpError(f"{option}: {error}.", "Give an amount such as 0.001.") from None
