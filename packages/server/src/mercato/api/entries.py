"""Postings of the ledger as they are answered."""

from collections.abc import Sequence

from mercato.billing import Entry
from mercato.edge.names import Names
from mercato_contracts.calls import EntryView


async def view_entries(entries: Sequence[Entry], called: Names) -> list[EntryView]:
    """With the names of organisations, services and plans."""
    organisations = await called.organisations({one.organisation_id for one in entries if one.organisation_id})
    services = await called.services({one.service_id for one in entries})
    plans = await called.plans({one.plan_id for one in entries})
    own = set(EntryView.model_fields) - {"organisation", "service", "plan"}
    return [
        EntryView.model_validate(
            {name: getattr(one, name) for name in own}
            | {
                "organisation": organisations.get(one.organisation_id or "", ""),
                "service": services.get(one.service_id, ""),
                "plan": plans.get(one.plan_id, ""),
            }
        )
        for one in entries
    ]
