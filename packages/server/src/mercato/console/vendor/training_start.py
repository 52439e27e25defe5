"""The form that starts a training run."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.uploads import Upload
from mercato.console.vendor.hyper_parameters import TEMPLATE, HyperField, read_hyper_parameters
from mercato.console.visit import SignedIn, Visit
from mercato.datasets import DataShelves, Shelf
from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato.identity import Permission
from mercato.platform import Malformed, Refusal, Session
from mercato.training import Machine, StoredCode, TrainingRuns, store_code
from mercato_contracts.training import TrainingLimits, TrainingSpec

router = page_router()
slow = page_router(slow=True)
_NANOS = 1_000_000_000
_FIELDS = ("task", "round", "seed", "machine", "max_cost", "seconds", "memory_mib", "more")


@dataclass(frozen=True, slots=True)
class StartPage:
    """The form, with what can be chosen and what was typed."""

    shelves: Sequence[Shelf]
    machines: Sequence[Machine]
    fields: Sequence[HyperField]
    typed: dict[str, str]
    limits: TrainingLimits
    may_train: bool


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What was typed, and the run to be started or why there is none."""

    typed: dict[str, str]
    run: tuple[TrainingSpec, StoredCode] | Refusal


@router.get("/vendor/training/new")
async def show_start(visit: SignedIn, session: Transaction, parts: Parts, task: str = "") -> Response:
    """Rounds, machines with their prices, and the template's hyper-parameters."""
    return visit.show("vendor/training_new.html", await _page(visit, session, parts, {"task": task[:64]}))


async def _prepare(request: Request, visit: SignedIn, parts: Parts) -> _Prepared:
    """The store of files may be slow: no connection of the database is held while it takes the code."""
    visit.caller.require(Permission.TRAINING_WRITE)
    upload = await Upload.of(request)
    form = upload.form
    typed = {name: form.raw(name)[:4000] for name in (*_FIELDS, *(f"hp_{field.name}" for field in TEMPLATE))}
    try:
        spec = _read_spec(form)
        file = upload.files.get("code")
        if file is None:
            raise Malformed("Choose the zip of your project, with train.py at its top.")
        async with parts.database.transaction() as session:
            content = await runs_of(session, parts).check(visit.caller, spec, base64.b64encode(file.content).decode())
        return _Prepared(typed, (spec, await store_code(parts.objects, parts.ids, content)))
    except Refusal as refusal:
        return _Prepared(typed, refusal)


@slow.post("/vendor/training/new")
async def start_training_run(
    visit: SignedIn, prepared: Annotated[_Prepared, Depends(_prepare)], session: Transaction, parts: Parts
) -> Response:
    """On to the run, which waits for its machine."""
    try:
        if isinstance(prepared.run, Refusal):
            raise prepared.run
        spec, code = prepared.run
        dossier = await runs_of(session, parts).start(visit.caller, spec, code)
    except Refusal as refusal:
        page = await _page(visit, session, parts, prepared.typed)
        return visit.show("vendor/training_new.html", page, refusal=refusal)
    return visit.go(f"/vendor/training/{dossier.run.id}")


async def _page(visit: Visit, session: Session, parts: Wiring, typed: dict[str, str]) -> StartPage:
    shelves = await DataShelves(session, parts.clock, parts.objects).list_all(visit.caller)
    machines = runs_of(session, parts).machines(visit.caller)
    return StartPage(shelves, machines, TEMPLATE, typed, TrainingLimits(), visit.caller.may(Permission.TRAINING_WRITE))


def runs_of(session: Session, parts: Wiring) -> TrainingRuns:
    """The runs of a transaction."""
    return TrainingRuns(session, parts.clock, parts.ids, parts.outbox, parts.objects, parts.providers)


def _read_spec(form: Form) -> TrainingSpec:
    provider, _, gpu = (form.find("machine") or "local").partition(":")
    limits = {"seconds": form.find("seconds"), "memory_mib": form.find("memory_mib")}
    return as_request(
        TrainingSpec,
        task=form.get("task"),
        round=form.find("round"),
        hyperparameters=read_hyper_parameters(form),
        seed=form.find("seed"),
        provider=provider,
        gpu=gpu or None,
        max_cost_nanos=_nanos(form.find("max_cost")),
        limits={name: value for name, value in limits.items() if value is not None},
    )


def _nanos(dollars: str | None) -> int | None:
    """Exactly: what is typed is read as decimal digits, never as a float. Raises `Malformed`."""
    if dollars is None:
        return None
    whole, _, rest = dollars.removeprefix("$").replace(",", "").partition(".")
    if not whole.isascii() or not (whole + rest).isdecimal() or len(whole) > 9 or len(rest) > 9:
        raise Malformed("The cap is an amount in dollars, for example 2.50.")
    return int(whole or "0") * _NANOS + int(rest.ljust(9, "0") or "0")


router.include_router(slow)
