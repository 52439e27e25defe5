"""`mercato registry`: does the model registry outside agree with the catalogue, and put it right."""

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from mercato.app.records import open_records, require_schema
from mercato.app.settings import Settings

if TYPE_CHECKING:
    from mercato.registry import Reconciled

_SHOWN = 20


@dataclass(frozen=True)
class _Found:
    reconciled: "Reconciled"
    waiting: int
    """News that the worker has not brought yet."""


@click.group()
def registry() -> None:
    """Look after the models in MLflow (MERCATO_MLFLOW_URL)."""


@registry.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def check(settings: Settings, as_json: bool) -> None:
    """Compare the catalogue with MLflow, both ways; exit code 1 when anything differs. Changes nothing.

    What the worker has not brought yet differs too; it says how much news that is.
    """
    found = _run(settings, repair=False)
    _print(found, as_json, repaired=False)
    if not found.reconciled.agrees:
        raise SystemExit(1)


@registry.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def reconcile(settings: Settings, as_json: bool) -> None:
    """Make MLflow hold what the catalogue says, and print what differed; exit code 1 when something still does.

    Only models that this marketplace made are changed or removed, and of these only its own tags, versions and aliases.
    The worker may run meanwhile.
    """
    found = _run(settings, repair=True)
    _print(found, as_json, repaired=True)
    if found.reconciled.needs_person:
        raise SystemExit(1)


def _run(settings: Settings, *, repair: bool) -> _Found:
    from mercato.registry import RegistryUnavailable

    if settings.mlflow_url is None:
        raise click.ClickException("no model registry is set: set MERCATO_MLFLOW_URL.")
    with open_records(settings, lambda text: click.echo(text, err=True)) as records:
        require_schema(records)
        try:
            return asyncio.run(_reconcile(settings, records, repair=repair))
        except RegistryUnavailable as error:
            raise click.ClickException(f"{error} `mercato doctor` says more.") from None


async def _reconcile(settings: Settings, records: str, *, repair: bool) -> _Found:
    from mercato.app.engines import build_registry
    from mercato.platform import Database
    from mercato.registry import ModelReader, count_waiting_news
    from mercato.registry import reconcile as reconcile_all

    models = build_registry(settings)
    assert models is not None
    database = Database(records, pool_size=1)
    try:
        await models.examine()
        waiting = await count_waiting_news(database)
        reader = ModelReader(database, settings.client_url)
        return _Found(await reconcile_all(reader, models, repair=repair), waiting)
    finally:
        await models.close()
        await database.close()


def _print(found: _Found, as_json: bool, *, repaired: bool) -> None:
    which = found.reconciled
    if as_json:
        click.echo(json.dumps(_as_object(found)))
        return
    click.echo(f"models    {which.models}")
    _print_some("missing", "only here", which.missing)
    _print_some("extra", "only in MLflow", which.extra)
    _print_some("different", "", [f"{name}: {'; '.join(words)}" for name, words in which.different.items()])
    _print_some("taken", "a model that is not ours has the name in MLflow", which.taken)
    _print_some("rejected", "", [f"{name}: {why}" for name, why in which.rejected.items()])
    if found.waiting:
        click.echo(f"news that the worker has not brought yet: {found.waiting}")
    if which.agrees:
        click.echo("both say the same")
    elif repaired and not which.needs_person:
        click.echo("put right")
    elif repaired:
        click.echo("put right but for what is taken or rejected: rename or correct it, then run this again")
    else:
        click.echo("NOT THE SAME: `mercato registry reconcile` puts MLflow right")


def _print_some(what: str, meaning: str, names: list[str]) -> None:
    if names:
        click.echo(f"{what:<9} {len(names)}{f' ({meaning})' if meaning else ''}")
        for name in names[:_SHOWN]:
            click.echo(f"  {name}")
        if len(names) > _SHOWN:
            click.echo(f"  and {len(names) - _SHOWN} more; --json has all")


def _as_object(found: _Found) -> dict[str, Any]:
    which = found.reconciled
    return {
        "models": which.models,
        "missing": which.missing,
        "extra": which.extra,
        "different": {name: list(words) for name, words in which.different.items()},
        "taken": which.taken,
        "rejected": which.rejected,
        "waiting_news": found.waiting,
        "agrees": which.agrees,
    }
