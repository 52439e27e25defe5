"""`mp deploy`, `mp rollback`, `mp undeploy`: a project served on this machine, supervised, or on RunPod.

At an address that stays, whichever revision serves.
"""

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import Exit, MpError

if TYPE_CHECKING:
    from mercato_cli.hosting.place import Place

_LOOK_SECONDS = 0.1
_MOST_STARTS = 3
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@click.command()
@click.argument("project", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path("."))
@click.option("--name", help="Its name on this machine. Default: the name of the project's folder.")
@click.option("--artifact", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The trained model.")
@click.option(
    "--provider", type=click.Choice(["local", "runpod"]), default="local", show_default=True, help="Where it runs."
)
@click.option("--image", help="On RunPod: the project as a container image in a registry, such as `acme/signal:3`.")
@click.option("--gpu", help="On RunPod: a GPU that a worker has, such as `L4`.")
@click.option(
    "--workers",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="On RunPod: the maximum number of workers.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="Its permanent port. Default: a free one.")
@click.option("--cpu", "cpus", type=click.IntRange(1), help="How many CPUs it may use.")
@click.option("--memory", type=click.IntRange(64), metavar="MIB", help="How much memory it may use.")
@click.option("--wait-seconds", type=click.FloatRange(0), default=90, show_default=True, metavar="SECONDS",
              help="How long it may take to become healthy.")  # fmt: skip
@command
def deploy(
    mp: Mp,
    project: Path,
    name: str | None,
    artifact: Path | None,
    provider: str,
    image: str | None,
    gpu: str | None,
    workers: int,
    port: int | None,
    cpus: int | None,
    memory: int | None,
    wait_seconds: float,
) -> None:
    """Serve PROJECT as a new revision; the previous one ends once the new one is healthy.

    A separate supervisor keeps it running after mp has ended; a revision that does not become healthy changes nothing.
    On RunPod your own account serves an image of the project; its key is read from RUNPOD_API_KEY, or prompted for.
    """
    name = name or project.resolve().name.lower()
    place = _place(mp, name)
    if provider == "runpod":
        _deploy_on_runpod(mp, name, place, image, gpu, cpus, workers, wait_seconds)
        return
    if image is not None or gpu is not None:
        raise MpError("--image and --gpu are for RunPod.", "Add `--provider runpod`, or leave them out.")
    _settle(place, project, port)
    before = place.wanted()
    revision = place.add(project, artifact, cpus=cpus or 0, memory_mib=memory or 0)
    try:
        _serve(mp, place, revision.number, wait_seconds)
    except MpError:
        place.want(before)
        raise


@click.command()
@click.argument("name")
@click.option("--to", "number", type=click.IntRange(1), help="The revision. Default: the previous one.")
@click.option("--wait-seconds", type=click.FloatRange(0), default=90, show_default=True, metavar="SECONDS",
              help="How long it may take to become healthy.")  # fmt: skip
@command
def rollback(mp: Mp, name: str, number: int | None, wait_seconds: float) -> None:
    """Serve an earlier revision again; the current one ends once the earlier one is healthy."""
    from mercato_cli.commands import deploy_runpod

    place = _place(mp, name)
    if (cloud := deploy_runpod.find_place(mp, name)) is not None:
        deploy_runpod.rollback(mp, name, cloud, number, wait_seconds)
        return
    _check_deployed(place, name)
    present, numbers = place.wanted(), place.numbers()
    earlier = [each for each in numbers if present is None or each < present]
    if number is None and not earlier:
        raise MpError(f"{name} has no revision before {present}.", "Deploy another with `mp deploy`.")
    if number is not None and number not in numbers:
        raise MpError(f"{name} has no revision {number}; it has {', '.join(map(str, numbers))}.", "Choose one of them.")
    try:
        _serve(mp, place, number or earlier[-1], wait_seconds)
    except MpError:
        place.want(present)
        raise


@click.command()
@click.argument("name")
@command
def undeploy(mp: Mp, name: str) -> None:
    """Stop serving NAME; its revisions stay. A deployment on RunPod is removed there."""
    from mercato_cli.commands import deploy_runpod

    place = _place(mp, name)
    if (cloud := deploy_runpod.find_place(mp, name)) is not None:
        deploy_runpod.undeploy(mp, name, cloud)
        return
    _check_deployed(place, name)
    place.want(None)
    while place.is_hosted():
        time.sleep(_LOOK_SECONDS)
    mp.console.show({"name": name, "serving": None}, lambda: mp.console.say(f"{name} is no longer served."))


def _settle(place: "Place", project: Path, port: int | None) -> None:
    """Give the deployment its port for good. Raises `MpError` where the project or the port does not fit."""
    from mercato_cli.hosting.ports import free_port

    if not (project / "handler.py").is_file():
        raise MpError(f"{project} has no handler.py.", "Begin with `mp init`.")
    if not place.exists():
        place.settle(port or free_port())
    elif port not in (None, place.port):
        raise MpError(
            f"{place.folder.name} serves at port {place.port}.", "Leave --port out, or choose another --name."
        )


def _serve(mp: Mp, place: "Place", number: int, wait_seconds: float) -> None:
    from mercato_cli.progress import Progress

    place.want(number)
    deadline = time.monotonic() + wait_seconds
    starts = 0
    with Progress(mp.console, f"revision {number} becomes healthy"):
        while True:
            if not place.is_hosted():
                if starts == _MOST_STARTS:
                    raise MpError(
                        f"Its host process ended {starts} times.", f"Read {place.folder / 'log'}.", Exit.REFUSED
                    )
                starts += _start_host(place)
            status = place.status()
            if status.get("serving") == number:
                break
            failure = status.get("failed", {}).get(str(number))
            if failure:
                raise MpError(failure, f"Read {place.folder / 'log'}, correct it and deploy again.", Exit.REFUSED)
            if time.monotonic() > deadline:
                raise MpError(f"Revision {number} is not healthy yet.", f"Read {place.folder / 'log'}.", Exit.WAITING)
            time.sleep(_LOOK_SECONDS)
    endpoint = f"http://127.0.0.1:{place.port}"
    mp.console.show(
        {"name": place.folder.name, "revision": number, "endpoint": endpoint},
        lambda: mp.console.say(f"{place.folder.name} revision {number} serves at {endpoint}."),
    )
    mp.console.note(f"Register it with `mp register PROJECT --endpoint {endpoint}{_base_path(place, number)}`.")


def _base_path(place: "Place", number: int) -> str:
    """Where the paths of its protocol begin."""
    import yaml

    try:
        read = yaml.safe_load((place.of(number) / "project" / "service.yaml").read_text())
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return ""
    return "/v1" if isinstance(read, dict) and read.get("protocol") in ("openai", "anthropic") else ""


def _start_host(place: "Place") -> bool:
    """In a session of its own: it lives on when this terminal does not. False where one lives already.

    It inherits the lock: whoever asks while it starts finds it held, and cannot be in the way when it takes it.
    """
    import os
    import subprocess
    import sys

    lock = place.hold()
    if lock is None:
        return False
    place.forget_status()
    with (place.folder / "log").open("ab") as log:
        subprocess.Popen(  # noqa: S603  (our own program)
            [sys.executable, "-m", "mercato_cli.hosting.host", str(place.folder), str(lock)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[lock],
            start_new_session=True,
        )
    os.close(lock)
    return True


def _deploy_on_runpod(
    mp: Mp,
    name: str,
    place: "Place",
    image: str | None,
    gpu: str | None,
    cpus: int | None,
    workers: int,
    wait_seconds: float,
) -> None:
    from mercato_cli.commands import deploy_runpod
    from mercato_cli.hosting.runpod import Machine

    if image is None:
        raise MpError(
            "RunPod needs a container image.", "Build the project's Dockerfile, push it, and add --image NAME."
        )
    if place.exists():
        raise MpError(f"{name} is deployed on this machine.", "Choose another --name.")
    deploy_runpod.deploy(mp, name, image, Machine(gpu, cpus or 2, workers), wait_seconds)


def _check_deployed(place: "Place", name: str) -> None:
    if not place.exists():
        raise MpError(f"There is no deployment {name} on this machine.", "Deploy it with `mp deploy`.")


def _place(mp: Mp, name: str) -> "Place":
    from mercato_cli.hosting.place import Place

    if not _NAME.fullmatch(name):
        raise MpError(
            f"{name[:80]!r} is not a valid deployment name.", "Use --name with lower-case letters, digits and hyphens."
        )
    return Place(mp.profiles.path.parent / "hosting" / name)
