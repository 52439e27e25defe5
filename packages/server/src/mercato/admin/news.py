"""The news of the admin room."""

from dataclasses import dataclass

from mercato.platform import News


@dataclass(frozen=True, kw_only=True)
class AccessRefused(News):
    """Somebody was refused; all refusals of one kind within a minute are one piece of news."""

    topic = "access.refused"

    code: str
    """The stable code of the refusal."""
    route: str
    """The method and the route."""
    count: int
    """How often in this minute."""
    reason: str
    """The sentence of the refusal."""


@dataclass(frozen=True, kw_only=True)
class PrivateDataRead(News):
    """Somebody exported data, or read data of another organisation."""

    topic = "data.read"

    what: str
    """What was read, such as `audit log`."""
    organisation_id: str
    """Whose data it is; empty for data of every organisation."""


@dataclass(frozen=True, kw_only=True)
class SecretChanged(News):
    """The marketplace has a new key, or dropped the secret of an old one."""

    topic = "secret.changed"

    secret_id: str
    """The id of the key."""
    change: str
    """`added`, and from `since` on everything new is made with it; or `retired`."""
    since: str
    """From when on the key makes new things, RFC 3339 in UTC."""


@dataclass(frozen=True, kw_only=True)
class AuditPruned(News):
    """Old entries of the audit log were dropped; the roots over them stay."""

    topic = "audit.pruned"

    until: int
    """The place of the first entry that was kept."""
    root: str
    """The root over everything that was dropped, in hexadecimal."""


@dataclass(frozen=True, kw_only=True)
class RequestServed(News):
    """A request changed something for which no room writes news."""

    topic = "request.served"

    verb: str
    """What happened, as `noun.verb`; the audit log lists the entry under it."""
    operation: str
    """The operation of the API."""
    subject_type: str
    """The kind of thing that was changed."""
    subject_id: str
    """The thing that was changed; empty where the request does not name it."""
    organisation_id: str
    """The organisation of whoever asked."""
    after: dict[str, str] | None = None
    """The names in the address."""


@dataclass(frozen=True, kw_only=True)
class LegalHoldChanged(News):
    """An operator placed or lifted a legal hold on what is known of a person."""

    topic = "legal_hold.changed"

    user_id: str
    """The person."""
    organisation_id: str
    """Their organisation."""
    hold_id: str
    """The hold."""
    change: str
    """`placed` or `lifted`."""
    reason: str
    """Why, in the operator's words."""


@dataclass(frozen=True, kw_only=True)
class ErasureAsked(News):
    """A person is to be erased; they have no access from now on."""

    topic = "erasure.asked"

    user_id: str
    """The person."""
    organisation_id: str
    """Their organisation."""
    erasure_id: str
    """The erasure."""


@dataclass(frozen=True, kw_only=True)
class SubjectErased(News):
    """A person was erased. Nothing here names them."""

    topic = "subject.erased"

    user_id: str
    """The id of the account, which is empty now."""
    organisation_id: str
    """Its organisation."""
    erasure_id: str
    """The erasure."""


@dataclass(frozen=True, kw_only=True)
class PersonExportAsked(News):
    """Somebody wants a copy of what is known of a person."""

    topic = "person_export.asked"

    user_id: str
    """The person."""
    organisation_id: str
    """Their organisation."""
    export_id: str
    """The copy."""


@dataclass(frozen=True, kw_only=True)
class HealthChanged(News):
    """A service of the marketplace went down or came back."""

    topic = "health.changed"

    change_id: str
    """The change, as the history of health has it."""
    service: str
    """Which service."""
    state: str
    """`up` or `down`."""
    reason: str
    """What its last probe found."""


@dataclass(frozen=True, kw_only=True)
class AnnouncementChanged(News):
    """The operator announced something, or ended an announcement."""

    topic = "announcement.changed"

    announcement_id: str
    """The announcement."""
    kind: str
    """`notice` or `maintenance`."""
    change: str
    """`made` or `ended`."""


@dataclass(frozen=True, kw_only=True)
class WorkflowOrdered(News):
    """An operator wants a workflow retried or cancelled; the worker hears it."""

    topic = "workflow.ordered"

    workflow_id: str
    """The workflow."""
    order: str
    """`retry` or `cancel`."""
    reason: str
    """Why, in the operator's words."""
