"""`mp deployments`, `mp register`, `mp link-infra`, `mp heartbeat`: endpoints that run a vendor's releases."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import Exit, MpError

if TYPE_CHECKING:
    from mercato_cli.beats import Status
    from mercato_contracts.deployments import DeploymentView, HeartbeatReceipt

_FALTERED_MOST = 10


@click.group()
def deployments() -> None:
    """The endpoints that run your releases."""


@deployments.command("list")
@command
def list_deployments(mp: Mp) -> None:
    """List deployments: whether calls are routed to them, and if not, why."""
    found = mp.client.list_deployments()
    mp.console.show(
        {"items": [item.model_dump(mode="json") for item in found]},
        lambda: mp.console.table(
            ["id", "service", "version", "state", "endpoint"],
            [(item.id, item.service, item.version, state_of(item), item.url) for item in found],
            "No deployments. Make one with `mp register`.",
        ),
    )


@deployments.command("show")
@click.argument("deployment")
@command
def show_deployment(mp: Mp, deployment: str) -> None:
    """Show a deployment with its last heartbeat."""
    found = mp.client.deployment(deployment)
    mp.console.show(found.model_dump(mode="json"), lambda: _show(mp, found))


@deployments.command("token")
@click.argument("deployment")
@click.option("--scope", "scopes", multiple=True, help="Only this permission; may be given several times.")
@click.option("--seconds", type=click.IntRange(60, 2_592_000), help="How long it is valid. Default: 30 days.")
@command
def make_token(mp: Mp, deployment: str, scopes: tuple[str, ...], seconds: int | None) -> None:
    """Exchange your vendor key for a token of this deployment and print it once."""
    new = mp.client.exchange_token(deployment, list(scopes), seconds)
    about = f"This is {new.token_id}, valid for {new.expires_in} s. Its scopes: {new.scope}."
    mp.console.show(new.model_dump(mode="json"), lambda: mp.console.say_once(new.access_token, about))


@deployments.command("tokens")
@click.argument("deployment")
@command
def list_tokens(mp: Mp, deployment: str) -> None:
    """The tokens of a deployment, without their secrets."""
    found = mp.client.list_tokens(deployment)
    mp.console.show(
        {"items": [item.model_dump(mode="json") for item in found]},
        lambda: mp.console.table(
            ["id", "scopes", "made", "ends", "revoked"],
            [
                (item.id, " ".join(item.scopes), f"{item.created_at:%Y-%m-%d}", f"{item.expires_at:%Y-%m-%d}",
                 "" if item.revoked_at is None else "revoked")
                for item in found
            ],
            "No tokens. Make one with `mp deployments token`.",
        ),
    )  # fmt: skip


@deployments.command("revoke-token")
@click.argument("token_id")
@command
def revoke_token(mp: Mp, token_id: str) -> None:
    """Take a token out of force, at once and everywhere."""
    mp.client.revoke_token(token_id)
    mp.console.show({"id": token_id, "revoked": True}, lambda: mp.console.say(f"{token_id} is revoked."))


@click.command()
@click.argument("project", type=click.Path(path_type=Path, exists=True), default=Path("."))
@click.option("--endpoint", metavar="URL", help="Where it runs, if not at the address in service.yaml.")
@click.option("--wait-seconds", type=click.FloatRange(0), default=600, show_default=True, metavar="SECONDS",
              help="How long to wait for the release; then exit code 5.")  # fmt: skip
@command
def register(mp: Mp, project: Path, endpoint: str | None, wait_seconds: float) -> None:
    """Publish the version in PROJECT with the endpoint that runs it, and print the deployment's id."""
    from mercato_cli.commands.publish import conclude, follow, manifest_of, submit

    submitted = submit(mp, manifest_of(project), None, endpoint=endpoint)
    ended = follow(mp, submitted.id, time.monotonic() + wait_seconds)
    if ended.state == "refused":
        mp.console.show(ended.model_dump(mode="json"), lambda: conclude(mp, ended))
        raise SystemExit(int(Exit.REFUSED))
    found = [
        item
        for item in mp.client.list_deployments()
        if item.service.partition("/")[2] == ended.service and item.version == ended.version
    ]
    mp.console.show({"items": [item.model_dump(mode="json") for item in found]}, lambda: _registered(mp, found))


@click.command("link-infra")
@click.argument("deployment")
@click.option("--interval", type=click.IntRange(1, 3600), default=30, show_default=True, metavar="SECONDS",
              help="Seconds between heartbeats.")  # fmt: skip
@click.option("--public-key", metavar="BASE64", help="Its Ed25519 key, if it keeps the private one elsewhere.")
@command
def link_infra(mp: Mp, deployment: str, interval: int, public_key: str | None) -> None:
    """Link an endpoint that you run anywhere: what it signs with, and a token of its own.

    Without --public-key a pair is made and kept on this machine, readable by you only, with a token for it.
    """
    from mercato_cli.identities import Identities

    identity = None
    if public_key is None:
        identities = Identities(mp.profiles.path.parent)
        identity = identities.find(deployment) or identities.make(deployment)
        public_key = identity.public_key
    linked = mp.client.link_deployment(deployment, public_key, interval)
    if identity is not None and mp.profile.credential.startswith("vk_"):
        new = mp.client.exchange_token(deployment, [], None)
        Identities(mp.profiles.path.parent).keep(identity.with_token(new.access_token))
    mp.console.show(linked.model_dump(mode="json"), lambda: _show(mp, linked))
    hosted = None if identity is None else _let_host_beat(mp, linked, interval)
    if hosted is not None:
        mp.console.note(f"The host of {hosted} sends its heartbeats, every {interval} s for as long as it serves.")
    else:
        mp.console.note(f"It is live with its first heartbeat: `mp heartbeat {deployment} --every {interval}`.")


def _let_host_beat(mp: Mp, linked: "DeploymentView", interval: int) -> str | None:
    """The name of the place of `mp deploy` that runs this deployment here and from now on sends its heartbeats."""
    from mercato_cli.beats import beat
    from mercato_cli.hosting.links import Link, add_link, find_place
    from mercato_cli.identities import Identities

    config = mp.profiles.path.parent
    place = find_place(config / "hosting", linked.url)
    if place is None or not place.is_hosted():
        return None
    # The first one goes out here: what is wrong with it is seen by the person who links.
    beat(mp.client, mp.profile, Identities(config), linked.id, "ok")
    add_link(place, Link(linked.id, mp.profile.url, mp.profile.name, interval))
    return place.folder.name


@click.command()
@click.argument("deployment")
@click.option("--every", type=click.IntRange(1, 3600), metavar="SECONDS", help="Again and again until Ctrl-C.")
@click.option("--status", type=click.Choice(["ok", "degraded"]), default="ok", show_default=True, help="How it is.")
@command
def heartbeat(mp: Mp, deployment: str, every: int | None, status: "Status") -> None:
    """Send a heartbeat of a linked deployment: once, or --every so many seconds."""
    from mercato_cli.beats import beat
    from mercato_cli.identities import Identities

    identities = Identities(mp.profiles.path.parent)
    identities.get(deployment)
    while True:
        try:
            receipt = beat(mp.client, mp.profile, identities, deployment, status)
        except MpError as error:
            if every is None or error.exit_code is not Exit.UNREACHABLE:
                raise
            mp.console.note(f"{error.text} The next one goes out in {every} s.")
        else:
            _show_receipt(mp, receipt)
        if every is None:
            return
        time.sleep(every)


def _show_receipt(mp: Mp, receipt: "HeartbeatReceipt") -> None:
    mp.console.show(
        receipt.model_dump(mode="json"),
        lambda: mp.console.say(
            f"{receipt.deployment} was heard; the next one is due by {receipt.due_at:%H:%M:%S} UTC."
        ),
    )


def _registered(mp: Mp, found: "list[DeploymentView]") -> None:
    for item in found:
        mp.console.say(item.id)
        mp.console.note(f"{item.service} {item.version} runs at {item.url}. Link it: `mp link-infra {item.id}`.")


def _show(mp: Mp, item: "DeploymentView") -> None:
    link = item.link
    heard = None if link is None or link.heard_at is None else f"{link.heard_at:%Y-%m-%d %H:%M:%S} UTC"
    mp.console.fields(
        [
            ("deployment", item.id),
            ("runs", f"{item.service} {item.version}"),
            ("endpoint", item.url),
            ("state", state_of(item)),
            ("held", "; ".join(f"{hold.by}: {hold.reason}" for hold in item.holds)),
            ("heard", heard),
            ("heartbeat", None if link is None else f"every {link.interval_seconds} s"),
        ]
    )


def state_of(item: "DeploymentView") -> str:
    """In a word or two, for people."""
    if item.release_status == "yanked":
        return "yanked"
    if item.holds:
        return f"held ({', '.join(hold.by for hold in item.holds)})"
    return "routed" if item.link is None or item.link.state == "linked" else item.link.state
