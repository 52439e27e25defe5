"""`mp deploy --provider runpod` and what follows it: the words are the same, the account is the vendor's own."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mercato_cli.command import Mp
from mercato_cli.errors import MpError

if TYPE_CHECKING:
    from mercato_cli.hosting.runpod import Cloud, CloudPlace, Machine, Revision


def find_place(mp: Mp, name: str) -> "CloudPlace | None":
    """The deployment of this name on RunPod, if there is one."""
    from mercato_cli.hosting.runpod import CloudPlace

    place = CloudPlace.read(_file(mp, name))
    return place if place.endpoint else None


def deploy(mp: Mp, name: str, image: str, machine: "Machine", wait_seconds: float) -> None:
    """A new revision; one that does not become healthy is taken back where there is one before it."""
    from mercato_cli.hosting.runpod import CloudPlace, Revision

    place, cloud = CloudPlace.read(_file(mp, name)), _cloud()
    number = max((each.number for each in place.revisions), default=0) + 1
    template = cloud.add_template(f"mercato-{name}-{number}", image)
    revision = Revision(number, image, template)
    if not place.endpoint:
        created = cloud.add_endpoint(f"mercato-{name}", template, machine)
        place.endpoint = str(created["id"])
        place.url, place.health = str(created["requestUrls"]["base"]), str(created["requestUrls"]["health"])
    place.revisions.append(revision)
    place.keep()
    _serve(mp, cloud, place, revision, wait_seconds)


def rollback(mp: Mp, name: str, place: "CloudPlace", number: int | None, wait_seconds: float) -> None:
    """An earlier revision again."""
    earlier = [each.number for each in place.revisions if each.number < place.serving]
    if number is None and not earlier:
        raise MpError(f"{name} has no revision before {place.serving}.", "Deploy another with `mp deploy`.")
    _serve(mp, _cloud(), place, place.revision(number or earlier[-1]), wait_seconds)


def undeploy(mp: Mp, name: str, place: "CloudPlace") -> None:
    """Remove the endpoint and its templates from the account."""
    _cloud().remove(place.endpoint, [each.template for each in place.revisions])
    place.path.unlink()
    mp.console.show({"name": name, "serving": None}, lambda: mp.console.say(f"{name} is removed from RunPod."))


def _serve(mp: Mp, cloud: "Cloud", place: "CloudPlace", wanted: "Revision", wait_seconds: float) -> None:
    from mercato_cli.progress import Progress

    name, before = place.path.stem, place.serving
    cloud.change_endpoint(place.endpoint, wanted.template)
    try:
        with Progress(mp.console, f"revision {wanted.number} becomes healthy") as progress:
            cloud.await_healthy(place, wait_seconds, progress.say)
    except MpError:
        if before:
            cloud.change_endpoint(place.endpoint, place.revision(before).template)
        raise
    place.serving = wanted.number
    place.keep()
    mp.console.show(
        {"name": name, "revision": wanted.number, "endpoint": place.url, "image": wanted.image},
        lambda: mp.console.say(f"{name} revision {wanted.number} serves at {place.url}."),
    )
    mp.console.note("RunPod asks callers for a key: `mp credentials set runpod`, and name it in service.yaml.")


def _cloud() -> "Cloud":
    import click

    from mercato_cli.hosting.runpod import REST_URL, Cloud

    key = os.environ.get("RUNPOD_API_KEY", "").strip()
    key = key or click.prompt("Your RunPod key (not stored)", hide_input=True, err=True).strip()
    return Cloud(key, os.environ.get("RUNPOD_REST_URL", REST_URL))


def _file(mp: Mp, name: str) -> Path:
    return mp.profiles.path.parent / "hosting-runpod" / f"{name}.json"
