"""`mp limits` and `mp keys limit`: caps that an organisation sets on itself, its services or one of its keys."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import MpError

if TYPE_CHECKING:
    from mercato_contracts.metering import BudgetView

Function = TypeVar("Function", bound=Callable[..., Any])
Unit = Literal["requests", "tokens", "nanos", "concurrent"]
Window = Literal["second", "minute", "day", "month", "ever"]

NONE = "none"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of limit as its option: what it counts, and in which window."""

    option: str
    unit: Unit
    window: Window
    help: str


_COUNTED: tuple[Unit, ...] = ("requests", "tokens")
_WINDOWS: tuple[Window, ...] = ("second", "minute", "day", "month")
_MONEY: tuple[Window, ...] = ("day", "month")
KINDS = (
    *(
        Kind(f"{unit}-per-{window}", unit, window, f"Maximum {unit} in each {window}.")
        for unit in _COUNTED
        for window in _WINDOWS
    ),
    *(
        Kind(f"money-per-{window}", "nanos", window, f"Maximum spending in each {window}, such as 12.50.")
        for window in _MONEY
    ),
    Kind("concurrent", "concurrent", "ever", "Maximum number of concurrent calls."),
)


class Cap(click.ParamType):  # type: ignore[type-arg]  # generic only in its newest releases
    """A cap as a person writes it: a whole number, an amount of money, or `none` to take the limit away."""

    name = "cap"

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """What help shows for the value."""
        return "AMOUNT|none" if self._unit == "nanos" else "N|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Whole units, or `none`."""
        from mercato_contracts.money import parse_amount

        if value == NONE:
            return NONE
        try:
            cap = parse_amount(value) if self._unit == "nanos" else int(value)
        except ValueError as error:
            self.fail(
                f"{value!r} is not {'an amount' if self._unit == 'nanos' else 'a whole number'}: {error}", param, ctx
            )
        if not 0 <= cap < 2**63:
            self.fail(f"{value} is out of range.", param, ctx)
        return cap


def limit_options(function: Function) -> Function:
    """Gives the command an option for each kind of limit."""
    for kind in reversed(KINDS):
        function = click.option(f"--{kind.option}", type=Cap(kind.unit), help=kind.help)(function)
    return function


@click.command()
@limit_options
@click.option("--clear", is_flag=True, help="Remove all limits first.")
@click.option("--as-vendor", is_flag=True, help="Limits on calls of your services instead of your own calls.")
@command
def limits(mp: Mp, clear: bool, as_vendor: bool, **caps: int | str | None) -> None:
    """Show or set the limits of your organisation over all of its keys.

    Options set limits, `none` removes one; without options, limits are shown with what is used and left.
    """
    set_and_show(mp, None, caps, clear=clear, side="vendor" if as_vendor else "consumer")


def set_and_show(
    mp: Mp,
    key_id: str | None,
    caps: Mapping[str, int | str | None],
    *,
    clear: bool,
    side: Literal["consumer", "vendor"] = "consumer",
) -> None:
    """Set the caps that were given, and show all that the key, or without one the organisation, has then."""
    if key_id is not None:
        key_id = _newest(mp, key_id)
    before = _of(mp, key_id, side)
    for kind in KINDS:
        cap = caps[kind.option.replace("-", "_")]
        scopes = [limit.scope for limit in before if (limit.unit, limit.window) == (kind.unit, kind.window)]
        if isinstance(cap, int):
            mp.client.put_limit(key_id=key_id, unit=kind.unit, window=kind.window, cap=cap, side=side)
        elif scopes and (clear or cap == NONE):
            mp.client.drop_limit(scopes[0])
    found = _of(mp, key_id, side)
    mp.console.show({"items": [limit.model_dump(mode="json") for limit in found]}, lambda: _show(mp, found))


def _newest(mp: Mp, key_id: str) -> str:
    """The key itself or, where it was rotated, its newest successor: both share their limits."""
    rotated_to = {key.id: key.rotated_to for key in mp.client.list_keys()}
    if key_id not in rotated_to:
        raise MpError(f"Your organisation has no key {key_id}.", "List your keys with `mp keys list`.")
    while (successor := rotated_to.get(key_id)) is not None:
        key_id = successor
    return key_id


def _of(mp: Mp, key_id: str | None, side: Literal["consumer", "vendor"]) -> "list[BudgetView]":
    found = [limit for limit in mp.client.list_limits() if limit.key_id == key_id]
    return found if key_id is not None else [limit for limit in found if limit.scope.startswith(f"{side}:")]


def _show(mp: Mp, found: "list[BudgetView]") -> None:
    names = {(kind.unit, kind.window): kind.option for kind in KINDS}
    order = {option: place for place, option in enumerate(names.values())}
    rows = [
        (names[limit.unit, limit.window], *(_units(limit, n) for n in (limit.cap, limit.used, limit.held, limit.left)))
        for limit in found
    ]
    rows.sort(key=lambda row: order[row[0]])
    mp.console.table(["limit", "cap", "used", "lent out", "left"], rows, "No limits.")


def _units(limit: "BudgetView", units: int) -> str:
    """Money as a decimal amount: a budget counts that of every currency."""
    from mercato_contracts.money import Money

    return str(Money(units)).partition(" ")[0] if limit.unit == "nanos" else str(units)
