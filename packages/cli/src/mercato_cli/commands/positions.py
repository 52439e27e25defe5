"""`mp positions`: what the desk holds, and which part of each position comes from whose signal."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.commands.consensus import pick_era

if TYPE_CHECKING:
    from mercato_contracts.optimizer import OptimizerInferenceResponse, OptimizerWrite


@click.group()
def positions() -> None:
    """The desk's positions."""


@positions.command("show")
@click.argument("round_id", metavar="ROUND")
@click.option("--era", type=int, help="Of this era instead of the round's last.")
@click.option("--by", type=click.Choice(["vendor", "deployment"]), default="vendor", show_default=True,
              help="Whose parts stand beside the whole.")  # fmt: skip
@command
def show_positions(mp: Mp, round_id: str, era: int | None, by: str) -> None:
    """The positions of an era of ROUND (`rnd_…`), in percent of the capital, and whose signals they come from.

    The parts of a position sum to it exactly, in billionths (see --json). Published once the round is resolved;
    operators see it earlier.
    """
    by_era = {write.portfolio.era: write for write in mp.client.round_desk(round_id).portfolios}
    write = pick_era(by_era, era, round_id)
    parts = _parts(write, by)
    before = by_era.get(write.portfolio.era - 1)
    result = {
        "round": round_id,
        "era": write.portfolio.era,
        "eras": sorted(by_era),
        **write.model_dump(mode="json"),
        f"by_{by}": parts,
    }
    mp.console.show(result, lambda: _show(mp, write, before, parts))


@positions.command("compute")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@command
def compute_positions(mp: Mp, file: Path) -> None:
    """What if: the positions that the desk's optimizer makes of FILE, in percent of the capital. For operators.

    FILE is an `OptimizerInferenceRequest` as JSON: scores, past returns, limits and what is held. Nothing is stored.
    """
    portfolio = mp.client.compute_positions(file.read_bytes())
    mp.console.show(portfolio.model_dump(mode="json"), lambda: _show_computed(mp, portfolio))


def _show_computed(mp: Mp, portfolio: "OptimizerInferenceResponse") -> None:
    whole = portfolio.positions
    mp.console.fields(_fields(portfolio))
    rows = [(name, _percent(whole[name])) for name in sorted(whole, key=lambda name: -whole[name]) if whole[name]]
    mp.console.table(["name", "position"], rows, "Nothing is held.")


def _fields(portfolio: "OptimizerInferenceResponse", turnover: str | None = None) -> list[tuple[str, object]]:
    whole = portfolio.positions.values()
    return [
        ("round", portfolio.round),
        ("era", portfolio.era),
        ("objective", portfolio.objective),
        ("gross, net", f"{_percent(_gross(whole))}, {_percent(sum(whole))}"),
        ("turnover", turnover),
        ("limits that bind", " ".join(portfolio.binding)),
        ("expected, risk a day", f"{portfolio.expected:.3%}, {portfolio.risk:.3%}"),
    ]


def _parts(write: "OptimizerWrite", by: str) -> dict[str, dict[str, int]]:
    """Billionths by name, of each vendor or deployment."""
    found: dict[str, dict[str, int]] = {}
    for one in write.attributions:
        part = found.setdefault(one.vendor if by == "vendor" else one.deployment, {})
        for name, position in one.positions.items():
            part[name] = part.get(name, 0) + position
    return found


def _show(
    mp: Mp, write: "OptimizerWrite", before: "OptimizerWrite | None", parts: Mapping[str, Mapping[str, int]]
) -> None:
    portfolio = write.portfolio
    whole = portfolio.positions
    turnover = None
    if before is not None:
        turnover = _percent(_gross(_changes(whole, before.portfolio.positions)))
    mp.console.fields([*_fields(portfolio, turnover), ("parts by", _METHODS[write.method])])
    names = sorted((name for name in whole if _is_held(name, whole, parts)), key=lambda name: -whole[name])
    rows = [(name, _percent(whole[name]), *(_percent(part.get(name, 0)) for part in parts.values())) for name in names]
    if rows:
        rows.append(("gross", *(_percent(_gross(of.values())) for of in (whole, *parts.values()))))
    mp.console.table(["name", "position", *parts], rows, "Nothing is held.")


def _is_held(name: str, whole: Mapping[str, int], parts: Mapping[str, Mapping[str, int]]) -> bool:
    return bool(whole[name]) or any(part.get(name) for part in parts.values())


def _changes(now: Mapping[str, int], before: Mapping[str, int]) -> list[int]:
    return [now.get(name, 0) - before.get(name, 0) for name in now.keys() | before.keys()]


def _gross(values: Iterable[int]) -> int:
    return sum(map(abs, values))


def _percent(nanos: int) -> str:
    return f"{nanos / 1e7:+.3f} %"


_METHODS = {"shapley": "Shapley's value", "leave-one-out": "leaving one out"}
