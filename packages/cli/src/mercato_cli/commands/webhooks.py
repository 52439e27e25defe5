"""`mp webhooks`: have events of one's organisation sent to an address."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command

if TYPE_CHECKING:
    from mercato_contracts.webhooks import NewWebhookAnswer, WebhookView

_DAY_SECONDS = 86_400


@click.group()
def webhooks() -> None:
    """Send signed events of your organisation to your own address."""


@webhooks.command("add")
@click.argument("url")
@click.option("--event", "event_types", multiple=True, help="Only this type; may be given several times.")
@click.option("--description", default="", help="What it is for.")
@command
def add_webhook(mp: Mp, url: str, event_types: tuple[str, ...], description: str) -> None:
    """Send events to URL and print the signing secret once."""
    from mercato_contracts.webhooks import WebhookRequest

    request = WebhookRequest(url=url, event_types=list(event_types), description=description)
    made = mp.client.add_webhook(request)
    mp.console.show(made.model_dump(mode="json"), lambda: _show_once(mp, made))


@webhooks.command("list")
@command
def list_webhooks(mp: Mp) -> None:
    """List the organisation's webhooks and their state."""
    found = mp.client.list_webhooks()
    rows = [(item.id, item.url, ", ".join(item.event_types) or "all events", _state(item)) for item in found.items]
    mp.console.show(
        found.model_dump(mode="json"),
        lambda: mp.console.table(
            ["id", "url", "events", "state"], rows, "No webhooks. Add one with `mp webhooks add URL`."
        ),
    )


@webhooks.command("remove")
@click.argument("webhook_id")
@command
def remove_webhook(mp: Mp, webhook_id: str) -> None:
    """Remove a webhook with its secrets and its log."""
    mp.client.remove_webhook(webhook_id)
    mp.console.show({"id": webhook_id, "removed": True}, lambda: mp.console.say(f"{webhook_id} is removed."))


@webhooks.command("rotate")
@click.argument("webhook_id")
@click.option("--grace", type=click.IntRange(0, 604_800), default=_DAY_SECONDS, show_default=True, metavar="SECONDS",
              help="How long the old secret still signs beside the new one.")  # fmt: skip
@command
def rotate_webhook(mp: Mp, webhook_id: str, grace: int) -> None:
    """Make a new signing secret and print it once."""
    made = mp.client.rotate_webhook(webhook_id, grace)
    mp.console.show(made.model_dump(mode="json"), lambda: _show_once(mp, made))


@webhooks.command("test")
@click.argument("webhook_id")
@command
def test_webhook(mp: Mp, webhook_id: str) -> None:
    """Send a test event; `mp webhooks deliveries` shows the result."""
    sent = mp.client.test_webhook(webhook_id)
    mp.console.show(sent.model_dump(mode="json"), lambda: mp.console.say(f"{sent.message_id} is on its way."))


@webhooks.command("enable")
@click.argument("webhook_id")
@command
def enable_webhook(mp: Mp, webhook_id: str) -> None:
    """Enable a disabled webhook."""
    changed = mp.client.enable_webhook(webhook_id)
    mp.console.show(changed.model_dump(mode="json"), lambda: mp.console.say(f"{webhook_id} is enabled."))


@webhooks.command("deliveries")
@click.argument("webhook_id")
@click.option(
    "--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="The maximum number of results."
)
@command
def list_deliveries(mp: Mp, webhook_id: str, limit: int) -> None:
    """List deliveries and their responses, newest first."""
    page = mp.client.webhook_deliveries(webhook_id, limit)
    rows = []
    for item in page.items:
        last = item.attempts[-1] if item.attempts else None
        came = "" if last is None else (last.error if last.status is None else str(last.status))
        rows.append((item.id, item.message_id, item.event_type, item.state, len(item.attempts), came))
    headers = ["id", "message", "event", "state", "attempts", "last response"]
    mp.console.show(page.model_dump(mode="json"), lambda: mp.console.table(headers, rows, "No deliveries yet."))


@webhooks.command("redeliver")
@click.argument("webhook_id")
@click.argument("delivery_id")
@command
def redeliver(mp: Mp, webhook_id: str, delivery_id: str) -> None:
    """Resend a message with the same id and content."""
    mp.client.redeliver_webhook(webhook_id, delivery_id)
    mp.console.show({"id": delivery_id, "state": "pending"}, lambda: mp.console.say(f"{delivery_id} is sent again."))


def _show_once(mp: Mp, made: "NewWebhookAnswer") -> None:
    mp.console.say_once(made.secret, f"This is the signing secret of {made.id}.")


def _state(item: "WebhookView") -> str:
    if item.disabled_at is not None:
        return f"disabled: {item.disabled_reason}"
    return "on" if item.failing_since is None else f"failing since {str(item.failing_since)[:16]}"
