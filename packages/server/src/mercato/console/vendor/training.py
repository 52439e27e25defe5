"""Training runs: the list, and one with its curves, its log and what it left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Response

from mercato.console import charts
from mercato.console.charts import Chart
from mercato.console.routes import page_router
from mercato.console.vendor.training_start import runs_of
from mercato.console.visit import SignedIn
from mercato.edge.paging import After, Page
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.training import Dossier, Run, RunStep
from mercato_contracts.training import TERMINAL

router = page_router()
_PAGE = 50
_MOST_CURVES = 8
_MOST_LOG = 64 * 1024
_LINK_LIVES = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class RunsPage:
    """The list, the newest first."""

    items: Sequence[Run]
    may_train: bool
    first: str
    next: str


@router.get("/vendor/training")
async def show_runs(visit: SignedIn, session: Transaction, parts: Parts, after: After = None) -> Response:
    """With states and costs."""
    rows = await runs_of(session, parts).list_all(visit.caller, before=after, limit=_PAGE)
    following = Page.of(rows, _PAGE).next
    here = "/vendor/training"
    page = RunsPage(
        rows, visit.caller.may(Permission.TRAINING_WRITE), here if after else "",
        f"{here}?after={following}" if following else "",
    )  # fmt: skip
    return visit.show("vendor/training.html", page)


@dataclass(frozen=True, slots=True)
class RunPage:
    """One run. `log` is its end; `is_cut`: there is more before it."""

    dossier: Dossier
    curves: Sequence[Chart]
    left_out: int
    log: str
    is_cut: bool
    is_live: bool
    status: str
    may_train: bool
    lasted: timedelta


@router.get("/vendor/training/{run_id}")
async def show_run(run_id: str, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """It renews itself until the run has ended."""
    desk = runs_of(session, parts)
    dossier = await desk.get(visit.caller, run_id)
    output = await desk.read_log_end(visit.caller, run_id)
    run = dossier.run
    curves = curves_of(dossier.steps)
    text = output.text[-_MOST_LOG:]
    page = RunPage(
        dossier, curves[:_MOST_CURVES], max(len(curves) - _MOST_CURVES, 0), text,
        output.offset > 0 or len(text) < len(output.text), run.state not in TERMINAL, _status(run, dossier.steps),
        visit.caller.may(Permission.TRAINING_WRITE), timedelta(milliseconds=run.milliseconds),
    )  # fmt: skip
    return visit.show("vendor/training_run.html", page)


@router.post("/vendor/training/{run_id}/stop")
async def stop_training_run(run_id: str, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """It ends within seconds and costs what it used; one that has ended stays as it ended."""
    await runs_of(session, parts).stop(visit.caller, run_id)
    return visit.go(f"/vendor/training/{run_id}")


@router.get("/vendor/training/{run_id}/artifacts/{name}")
async def get_artifact(run_id: str, name: str, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """On to a signed link that is good for 15 minutes."""
    artifact = await runs_of(session, parts).get_artifact(visit.caller, run_id, name)
    link = await parts.objects.presign(artifact.key, _LINK_LIVES)
    return Response(status_code=303, headers={"location": link, "cache-control": "no-store"})


def curves_of(steps: Sequence[RunStep]) -> list[Chart]:
    """A chart for each metric that was reported, by name."""
    names = sorted({name for step in steps for name in step.metrics})
    places = charts.numbers("Step", [step.step for step in steps])
    return [
        charts.line(
            name, places, [charts.Line(name, [_number(step.metrics, name) for step in steps])],
            charts.Unit(name.replace("_", " ")), from_zero=False, about=f"{name} as the code reported it, by step.",
        )
        for name in names
    ]  # fmt: skip


def _number(metrics: Mapping[str, object], name: str) -> float | None:
    value = metrics.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _status(run: Run, steps: Sequence[RunStep]) -> str:
    reached = f" at step {steps[-1].step:,}" if steps and run.state == "running" else ""
    return f"{run.state.replace('_', ' ').capitalize()}{reached}. {run.why}".strip()
