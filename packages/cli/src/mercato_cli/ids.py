"""Ids as people may give them: whole, or the end that a table on a terminal shows (`key_…1f2e3d4c`, `1f2e3d4c`)."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from mercato_cli.errors import MpError

if TYPE_CHECKING:
    from mercato_cli.client import Client

_WHOLE = re.compile(r"[a-z]{2,5}_[0-9a-f]{32}")
_END = re.compile(r"(?:[a-z]{2,5}_)?…?([0-9a-f]{4,31})")
_NAMED = 5
_NEWEST = 500


def whole_id(given: str, known: Callable[[], Iterable[str]]) -> str:
    """The id that `given` means among the `known` ones, which are fetched only if it is not a whole id.

    An id that matches none is returned unchanged, for the marketplace to refuse. Raises `MpError` if it matches
    several.
    """
    end = _END.fullmatch(given)
    if _WHOLE.fullmatch(given) or end is None:
        return given
    prefix = given.partition("_")[0] + "_" if "_" in given else ""
    fitting = [each for each in dict.fromkeys(known()) if each.endswith(end[1]) and each.startswith(prefix)]
    if len(fitting) > 1:
        raise MpError(f"{given} is ambiguous: {', '.join(fitting[:_NAMED])}.", "Give the full id.")
    return fitting[0] if fitting else given


def known_ids(argument: str, client: "Client") -> Iterator[str]:
    """The ids that an argument of this name may mean, as far as the client's owner can list them."""
    if argument == "deployment":
        yield from (item.id for item in client.list_deployments())
    elif argument == "key_id":
        yield from (item.id for item in client.list_keys())
    elif argument == "submission_id":
        yield from (item.submission.id for item in client.list_approvals())
    elif argument == "subscription_id":
        yield from (item.id for item in client.list_subscriptions())
    elif argument == "saved_id":
        yield from (item.id for item in client.saved_searches().items)
    elif argument == "webhook_id":
        yield from (item.id for item in client.list_webhooks().items)
    elif argument == "run_id":
        yield from (item.id for item in client.list_training())
    elif argument == "switch_id":
        yield from (item.id for item in client.kill_switches(thrown=False))
    elif argument == "call_id":
        yield from (item.id for item in client.calls({}, _NEWEST))
    elif argument == "dispute_id":
        for side in ("consumer", "vendor"):
            yield from (item.id for item in client.disputes({"side": side, "limit": 200}).items)
        if client.me().is_operator:
            yield from (item.id for item in client.disputes({"side": "marketplace", "limit": 200}).items)
    elif argument == "invoice_id":
        yield from (item.id for item in client.list_invoices(everyone=client.me().is_operator))
    elif argument == "payout_id":
        yield from (item.id for item in client.list_payouts(everyone=client.me().is_operator))
    elif argument == "entry":
        yield from (item.id for item in client.list_signals(None, _NEWEST))
    elif argument == "token_id":
        for deployment in client.list_deployments():
            yield from (item.id for item in client.list_tokens(deployment.id))


ARGUMENTS = frozenset({
    "deployment", "key_id", "submission_id", "subscription_id", "webhook_id", "run_id", "switch_id", "invoice_id",
    "payout_id", "entry", "token_id", "call_id", "saved_id", "dispute_id",
})  # fmt: skip
"""The arguments of commands that are ids which a table shows."""
