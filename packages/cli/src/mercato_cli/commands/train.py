"""`mp train`: models trained on the marketplace's providers."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mercato_cli.command import Mp, command
from mercato_cli.curves import curves
from mercato_cli.errors import Exit, MpError, RunExit
from mercato_cli.text import clean

if TYPE_CHECKING:
    from mercato_contracts.training import TrainingRun

_ENDS = {code.name.lower(): int(code) for code in RunExit}
_LOOK_SECONDS = 0.5
_LOG_WAIT_SECONDS = 20
_NANOS = 1_000_000_000
_MOST_CODE_BYTES = 8 * 1024 * 1024
_LEFT_OUT = {
    ".git",
    ".venv",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    "node_modules",
    "data",
    "out",
}
_LAST_LINES = 8


@click.group()
def train() -> None:
    """Train models: start, look, follow, stop, wait."""


@train.command("start")
@click.argument("project", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path("."))
@click.option("--task", required=True, help="What the model is for, a short name of yours.")
@click.option("--round", "round_id", help="The data round that it is trained on (see `mp data`).")
@click.option("--hp", "hyperparameters", multiple=True, metavar="NAME=VALUE", help="A hyper-parameter; several times.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of everything random.")
@click.option("--gpu", help="A GPU that the provider offers.")
@click.option("--max-cost", type=click.FloatRange(0, 1_000_000), metavar="DOLLARS", help="Stop the run at this cost.")
@click.option("--provider", type=click.Choice(["local", "runpod"]), default="local", show_default=True,
              help="Where it runs.")  # fmt: skip
@click.option(
    "--seconds",
    type=click.IntRange(1, 86_400),
    default=3600,
    show_default=True,
    help="The maximum duration, in seconds.",
)
@click.option(
    "--memory",
    type=click.IntRange(64),
    default=4096,
    show_default=True,
    metavar="MIB",
    help="The maximum memory.",
)
@command
def start_run(
    mp: Mp,
    project: Path,
    task: str,
    round_id: str | None,
    hyperparameters: tuple[str, ...],
    seed: int,
    gpu: str | None,
    max_cost: float | None,
    provider: str,
    seconds: int,
    memory: int,
) -> None:
    """Send PROJECT (a folder with train.py) and train it; prints the run's id."""
    spec: dict[str, Any] = {
        "task": task,
        "round": round_id,
        "hyperparameters": dict(_hyperparameter(each) for each in hyperparameters),
        "seed": seed,
        "gpu": gpu,
        "provider": provider,
        "max_cost_nanos": None if max_cost is None else round(max_cost * _NANOS),
        "limits": {"seconds": seconds, "memory_mib": memory},
    }
    run = mp.client.start_training(spec, _zip(project))
    mp.console.show(run.model_dump(mode="json"), lambda: mp.console.say(run.id))
    mp.console.note(f"Follow it with `mp train logs -f {run.id}`, wait for it with `mp train wait {run.id}`.")


@train.command("list")
@command
def list_runs(mp: Mp) -> None:
    """List your runs, newest first."""
    runs = mp.client.list_training()
    mp.console.show(
        {"items": [run.model_dump(mode="json") for run in runs]},
        lambda: mp.console.table(
            ["id", "task", "state", "cost", "begun", "why"],
            [(run.id, run.spec.task, run.state, _dollars(run.cost_nanos), _minute(run.created_at), run.why)
             for run in runs],
            "No runs. Start one with `mp train start`.",
        ),
    )  # fmt: skip


@train.command("status")
@click.argument("run_id")
@command
def show_status(mp: Mp, run_id: str) -> None:
    """Show a run: state, metrics, cost so far, artifacts and the end of its log."""
    run = mp.client.training(run_id)
    mp.console.show(run.model_dump(mode="json"), lambda: _show(mp, run))


@train.command("logs")
@click.argument("run_id")
@click.option("-f", "--follow", is_flag=True, help="Follow the log until the run has ended.")
@command
def show_logs(mp: Mp, run_id: str, follow: bool) -> None:
    """Print a run's log; secrets are masked."""
    place, text = 0, ""
    while True:
        page = mp.client.training_log(run_id, place, _LOG_WAIT_SECONDS if follow else 0)
        place = page.next
        if mp.console.as_json:
            text += page.text
        elif page.text:
            mp.console.print(clean(page.text.rstrip("\n")))
        if page.ended or (not follow and not page.text):
            break
    if mp.console.as_json:
        mp.console.show({"run": run_id, "text": text, "next": place}, lambda: None)


@train.command("stop")
@click.argument("run_id")
@command
def stop_run(mp: Mp, run_id: str) -> None:
    """Stop a run; a run that has ended is not changed."""
    run = mp.client.stop_training(run_id)
    mp.console.show(run.model_dump(mode="json"), lambda: mp.console.say(f"{run.id} is {run.state}. {run.why}".strip()))


@train.command("wait")
@click.argument("run_id")
@click.option(
    "--wait-seconds",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Stop waiting after this time, with exit code 5.",
)
@command
def wait_for_run(mp: Mp, run_id: str, wait_seconds: float | None) -> None:
    """Wait until a run has ended. Exit codes: 0 succeeded, 1 failed, 2 timed out, 3 stopped, 5 still running.

    1, 2 and 3 can also mean refused, used wrongly and not logged in. Standard output names the run and its state when
    the run ended, and is empty after any other error.
    """
    from mercato_cli.progress import Progress

    deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
    with Progress(mp.console, f"{run_id} is queued") as progress:
        while (run := mp.client.training(run_id)).state not in _ENDS:
            progress.say(f"{run_id} is {run.state}, {_dollars(run.cost_nanos)} so far. {run.why}".strip())
            if deadline is not None and time.monotonic() >= deadline:
                raise MpError(f"{run_id} is still {run.state}.", f"Run `mp train wait {run_id}` again.", Exit.WAITING)
            time.sleep(_LOOK_SECONDS)
    mp.console.show(run.model_dump(mode="json"), lambda: mp.console.say(f"{run.id} {run.state}. {run.why}".strip()))
    if run.state != "succeeded":
        raise SystemExit(_ENDS[run.state])


@train.command("pull")
@click.argument("run_id")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path("."), show_default=True,
              help="The target folder.")  # fmt: skip
@command
def pull_artifacts(mp: Mp, run_id: str, folder: Path) -> None:
    """Download a run's artifacts and verify their checksums."""
    import hashlib

    run = mp.client.training(run_id)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for artifact in run.artifacts:
        content = mp.client.training_artifact(run_id, artifact.name)
        if hashlib.sha256(content).hexdigest() != artifact.sha256:
            raise MpError(f"{artifact.name} arrived damaged.", f"Run `mp train pull {run_id}` again.")
        (folder / artifact.name).write_bytes(content)
        written.append(str(folder / artifact.name))
    mp.console.show({"files": written}, lambda: mp.console.say("\n".join(written) or f"{run_id} has no artifacts."))


def _show(mp: Mp, run: "TrainingRun") -> None:
    limit = run.spec.max_cost_nanos
    mp.console.fields(
        [
            ("run", run.id),
            ("task", run.spec.task),
            ("state", f"{run.state}: {run.why}" if run.why else run.state),
            ("cost", _dollars(run.cost_nanos) + (f" of {_dollars(limit)}" if limit is not None else "")),
            ("round", run.spec.round),
            ("seed", run.spec.seed),
            ("hyper-parameters", ", ".join(f"{name}={value}" for name, value in run.spec.hyperparameters.items())),
            ("code", run.code_sha256[:16]),
            ("ran on", ", ".join(f"{name} {value}" for name, value in run.environment.items())),
            ("metrics", ", ".join(f"{name}={value:g}" for name, value in run.metrics.items())),
            ("artifacts", ", ".join(f"{each.name} ({each.kind}, {each.bytes} bytes)" for each in run.artifacts)),
        ]
    )
    for line in curves([step.metrics for step in run.steps]):
        mp.console.say(line)
    text = mp.client.training_log(run.id, 0, 0).text
    for line in text.splitlines()[-_LAST_LINES:]:
        mp.console.note(f"  {line}")


def _hyperparameter(text: str) -> tuple[str, Any]:
    name, is_there, value = text.partition("=")
    if not is_there or not name:
        raise MpError(f"--hp {text} is not NAME=VALUE.", "Write, for example, `--hp learning_rate=0.05`.")
    if value in ("true", "false"):
        return name, value == "true"
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value


def _zip(project: Path) -> str:
    """The project's files as a zip in base64; folders that no training needs are left out."""
    import base64
    import io
    import zipfile

    if not (project / "train.py").is_file():
        raise MpError(f"{project} has no train.py.", "Begin with `mp init --template signal-train`.")
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(project.rglob("*")):
            inner = path.relative_to(project)
            if path.is_file() and not path.is_symlink() and not _LEFT_OUT & set(inner.parts):
                archive.write(path, inner.as_posix())
    if len(held.getvalue()) > _MOST_CODE_BYTES:
        raise MpError(f"{project} has more than 8 MiB of code.", "Move data and models out of the folder.")
    return base64.b64encode(held.getvalue()).decode()


def _dollars(nanos: int) -> str:
    return f"${nanos / _NANOS:.4f}"


def _minute(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
