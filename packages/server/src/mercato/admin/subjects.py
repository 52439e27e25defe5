"""What a piece of news is about, as the audit log says it: its target, its organisation, what changed.

A class of news that is not named here is read by its fields, so news that somebody adds later is in the log too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from mercato.admin.news import AccessRefused, AuditPruned, PrivateDataRead, RequestServed
from mercato.discovery import DocumentChanged, IndexFed, RebuildAsked
from mercato.identity import OrganisationCreated, ServiceAccountChanged, ViewAsBegan, ViewAsSettingChanged
from mercato.metering import BudgetChanged, UsageRecorded
from mercato.platform import News, every_news
from mercato.publishing import CredentialChanged

NOT_AUDITED: Mapping[type[News], str] = {
    DocumentChanged: "the search index follows a release or a withdrawal, which is an entry itself",
    IndexFed: "the search index follows a release or a withdrawal, which is an entry itself",
    UsageRecorded: "calls stand in the ledger, whose reconciliation is their proof",
}
"""News that is no change of its own, and why."""

RECORDED_AT_ONCE = (ViewAsBegan,)
"""News whose entry is written in the transaction of the change itself, before anybody hears of it."""

_TARGETS: Mapping[type[News], tuple[str, str]] = {
    OrganisationCreated: ("organisation", "organisation_id"),
    ViewAsSettingChanged: ("organisation", "organisation_id"),
    ServiceAccountChanged: ("service_account", "account_id"),
    BudgetChanged: ("organisation", "organisation_id"),
    CredentialChanged: ("credential", "name"),
    AccessRefused: ("route", "route"),
    AuditPruned: ("audit_root", "root"),
    RebuildAsked: ("search_index", "name"),
    PrivateDataRead: ("organisation", "organisation_id"),
    RequestServed: ("subject", "subject_id"),
}
"""Type and field of the target, where it is not the first field that ends with `_id`."""

_PARTIES = ("organisation_id", "vendor_id", "consumer_id")
_TOLD_APART = {"by", "before", "after", "reason"}


@dataclass(frozen=True, slots=True)
class Subject:
    """The target, the organisation that it belongs to (empty where the news does not say), and the facts."""

    type: str
    id: str
    organisation_id: str
    reason: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def audited_news() -> tuple[type[News], ...]:
    """Every class of news of ours that makes an entry."""
    ours = {kind for kind in every_news() if kind.__module__.startswith("mercato.")}
    return tuple(sorted(ours - NOT_AUDITED.keys(), key=lambda kind: kind.topic))


def target_of(kind: type[News]) -> tuple[str, str]:
    """The type of the target and the field with its id; both empty where the news has no target."""
    if kind in _TARGETS:
        return _TARGETS[kind]
    names = [field.name for field in fields(kind)]
    ids = [name for name in names if name.endswith("_id") and name not in _PARTIES]
    # A month that was closed, a dataset that has a new panel: the name stands for the thing.
    chosen = next(iter(ids), None) or next((name for name in names if name in {*_PARTIES, "period", "name"}), "")
    return chosen.removesuffix("_id"), chosen


def verb_of(news: News) -> str:
    """What happened, as `noun.verb`."""
    return news.verb if isinstance(news, RequestServed) else news.topic


def subject_of(news: News) -> Subject:
    """What this news is about."""
    if isinstance(news, RequestServed):
        return Subject(news.subject_type, news.subject_id, news.organisation_id, "", None, news.after)
    payload = news.to_payload()
    kind, field = target_of(type(news))
    parties = [payload[name] for name in _PARTIES if payload.get(name)]
    left = {name: value for name, value in payload.items() if name not in _TOLD_APART and name != field}
    return Subject(
        type=kind,
        id=str(payload.get(field) or ""),
        organisation_id=str(parties[0]) if parties else "",
        reason=str(payload.get("reason") or ""),
        before=payload.get("before"),
        after=payload.get("after") or left or None,
    )
