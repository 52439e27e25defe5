"""What the audit log says of every operation that may change something. A new route is added here, or a test fails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from mercato.admin import (
    AnnouncementChanged,
    ErasureAsked,
    LegalHoldChanged,
    PersonExportAsked,
    PrivateDataRead,
    WorkflowOrdered,
)
from mercato.billing import CallDisputed, ChargeAdjusted, DisputeAnswered, DisputeClosed, PeriodClosed
from mercato.consumption import UsageReviewDecided
from mercato.datasets import PanelBuilt, RoundClosed, RoundOpened, RoundResolved
from mercato.deployments import DeploymentLinked
from mercato.discovery import ReviewChanged, SavedSearchChanged
from mercato.identity import (
    InvitationAccepted,
    InvitationMade,
    InvitationWithdrawn,
    KeyChanged,
    MembershipChanged,
    OrganisationChanged,
    OrganisationCreated,
    PasskeyChanged,
    PasswordChanged,
    PasswordResetAsked,
    ScimSettingsChanged,
    ScimTokenChanged,
    SecondFactorChanged,
    ServiceAccountChanged,
    SessionsEnded,
    SignedIn,
    SsoAccountChanged,
    SsoProviderChanged,
    TokenIssued,
    UserChanged,
    ViewAsBegan,
    ViewAsEnded,
    ViewAsSettingChanged,
)
from mercato.metering import BudgetChanged, UsageCalledNormal
from mercato.platform import News
from mercato.publishing import (
    ApprovalClaimed,
    ApprovalCommented,
    ApprovalDecided,
    CredentialChanged,
    ServiceChanged,
    ServiceWithdrawn,
    SubmissionReceived,
)
from mercato.subscriptions import SubscriptionChanged
from mercato.training import TrainingRequested, TrainingStopAsked


@dataclass(frozen=True, slots=True)
class Audited:
    """The entries that an operation makes.

    `news` are classes that its room tells. Where it tells none of them, `verb` is the entry that the edge makes; an
    operation with neither makes none, for the reason under `why`. `of` names the parameter with the id of the target,
    where that is not the last one of the address or the `id` of the answer.
    """

    news: tuple[type[News], ...] = ()
    verb: str = ""
    why: str = ""
    of: str = ""
    when: Callable[[QueryParams], bool] | None = None
    """Of a read: whether these parameters make it one that matters; `None` where each is."""


def _tells(*news: type[News], or_else: str = "") -> Audited:
    return Audited(news, or_else)


def _is(verb: str, of: str = "") -> Audited:
    return Audited(verb=verb, of=of)


def _reads_others(verb: str, *by: str) -> Audited:
    """An operator's read of everybody, and with `by` only where it is narrowed to or told apart by one of these."""

    def matters(asked: QueryParams) -> bool:
        parted = any(asked.get(f"{name}_id") or name in asked.getlist("group_by") for name in by)
        return asked.get("side") == "marketplace" and (parted or not by)

    return Audited(verb=verb, when=matters)


def _nothing(why: str) -> Audited:
    return Audited(why=why)


OPERATIONS: Mapping[str, Audited] = {
    "adjust_charges": _tells(ChargeAdjusted),
    "dispute_call": _tells(CallDisputed),
    "answer_dispute": _tells(DisputeAnswered, DisputeClosed),
    "decide_dispute": _tells(DisputeClosed),
    "withdraw_dispute": _tells(DisputeClosed),
    "call_anomaly_normal": _tells(UsageCalledNormal),
    "ask_graphql": _nothing("a query changes nothing, and a mutation is the entry of the operation that it stands for"),
    "stream_graphql": _nothing("it listens to what others change"),
    "decide_submission": _tells(ApprovalDecided, or_else="approval.voted"),
    "claim_approval": _tells(ApprovalClaimed, or_else="approval.claimed_again"),
    "let_approval_go": _tells(ApprovalClaimed, or_else="approval.let_go_again"),
    "comment_on_approval": _tells(ApprovalCommented),
    "close_period": _tells(PeriodClosed),
    "put_budget": _tells(BudgetChanged),
    "drop_budget": _tells(BudgetChanged),
    "remove_credential": _tells(CredentialChanged),
    "put_credential": _tells(CredentialChanged),
    "build_dataset": _tells(PanelBuilt),
    "open_round": _tells(RoundOpened),
    "revoke_token": _tells(KeyChanged),
    "claim_backtest": _is("deployment.backtest_claimed"),
    "link_deployment": _tells(DeploymentLinked),
    "ask_optimizer": _nothing("it computes an answer and keeps nothing"),
    "take_heartbeat": _nothing("a machine's sign of life; `deployment.stale` and `deployment.live` are entries"),
    "introspect_credential": _nothing("it answers a question about a key that the caller shows"),
    "make_key": _is("key.made"),
    "hold_key": _tells(KeyChanged, or_else="key.held_again"),
    "revoke_key": _tells(KeyChanged),
    "rotate_key": _tells(KeyChanged),
    "make_service_account": _tells(ServiceAccountChanged),
    "set_service_account_rights": _tells(ServiceAccountChanged, or_else="service_account.set_again"),
    "disable_service_account": _tells(ServiceAccountChanged, or_else="service_account.disabled_again"),
    "enable_service_account": _tells(ServiceAccountChanged, or_else="service_account.enabled_again"),
    "throw_switch": _is("kill_switch.thrown"),
    "lift_switch": _is("kill_switch.lifted", of="switch_id"),
    "begin_device_login": _nothing("anybody may ask for a code; the sign-in that follows is an entry"),
    "give_token": _tells(SignedIn, TokenIssued),
    "sign_up": _tells(OrganisationCreated),
    "verify_organisation": _tells(OrganisationChanged),
    "suspend_organisation": _tells(OrganisationChanged),
    "reinstate_organisation": _tells(OrganisationChanged),
    "view_as": _tells(ViewAsBegan),
    "end_view": _tells(ViewAsEnded, or_else="view_as.ended_again"),
    "set_view_setting": _tells(ViewAsSettingChanged, or_else="view_as.set_again"),
    "retry_workflow": _tells(WorkflowOrdered),
    "cancel_workflow": _tells(WorkflowOrdered),
    "make_announcement": _tells(AnnouncementChanged),
    "end_announcement": _tells(AnnouncementChanged),
    "change_role": _tells(UserChanged),
    "disable_user": _tells(UserChanged),
    "enable_user": _tells(UserChanged),
    "close_round": _tells(RoundClosed),
    "resolve_round": _tells(RoundResolved),
    "start_canary": _tells(ServiceChanged),
    "erase_person": _tells(ErasureAsked, or_else="erasure.asked_again"),
    "export_person": _tells(PersonExportAsked, or_else="person_export.asked_again"),
    "place_legal_hold": _tells(LegalHoldChanged, or_else="legal_hold.placed_again"),
    "lift_legal_hold": _tells(LegalHoldChanged),
    "abort_canary": _tells(ServiceChanged),
    "promote_canary": _tells(ServiceChanged),
    "deprecate_release": _tells(ServiceChanged),
    "yank_release": _tells(ServiceChanged),
    "give_feedback": _nothing("it says what somebody found of a result, of which the log holds no word"),
    "save_search": _tells(SavedSearchChanged),
    "forget_search": _tells(SavedSearchChanged),
    "write_review": _tells(ReviewChanged),
    "remove_review": _tells(ReviewChanged),
    "answer_review": _tells(ReviewChanged),
    "hide_review": _tells(ReviewChanged),
    "show_review": _tells(ReviewChanged),
    "withdraw_service": _tells(ServiceWithdrawn),
    "sign_in": _tells(SignedIn),
    "sign_out": _is("session.ended"),
    "refresh_session": _nothing("it keeps a session that began with an entry"),
    "seal_log": _is("signals.sealed"),
    "store_signals": _nothing("each signal is an entry of its own sealed log"),
    "submit_release": _tells(SubmissionReceived),
    "subscribe": _tells(SubscriptionChanged),
    "cancel_subscription": _tells(SubscriptionChanged),
    "change_plan": _tells(SubscriptionChanged),
    "start_training_run": _tells(TrainingRequested),
    "claim_training_run": _nothing("the job of a run that somebody started, which is an entry"),
    "stop_training_run": _tells(TrainingStopAsked),
    "decide_usage_review": _tells(UsageReviewDecided),
    "add_user": _is("user.added"),
    "invite": _tells(InvitationMade),
    "show_invitation": _nothing("it shows an invitation to whoever has its link"),
    "accept_invitation": _tells(InvitationAccepted),
    "withdraw_invitation": _tells(InvitationWithdrawn),
    "change_password": _tells(PasswordChanged),
    "ask_for_reset": _tells(PasswordResetAsked),
    "use_reset": _tells(PasswordChanged),
    "add_second_factor": _is("second_factor.begun"),
    "confirm_second_factor": _tells(SecondFactorChanged),
    "remove_second_factor": _tells(SecondFactorChanged),
    "renew_recovery_codes": _tells(SecondFactorChanged),
    "prove_again": _is("session.proved"),
    "begin_adding_passkey": _nothing("it asks for an answer; the passkey that comes of it is an entry"),
    "add_passkey": _tells(PasskeyChanged),
    "remove_passkey": _tells(PasskeyChanged),
    "begin_passkey_sign_in": _nothing("anybody may ask for a challenge; the sign-in that follows is an entry"),
    "sign_in_by_passkey": _tells(SignedIn),
    "prove_by_passkey": _is("session.proved"),
    "set_provider": _tells(SsoProviderChanged),
    "remove_provider": _tells(SsoProviderChanged),
    "switch_passwords": _tells(SsoProviderChanged),
    "unlink_account": _tells(SsoAccountChanged),
    "set_scim": _tells(ScimSettingsChanged, or_else="scim_settings.set_again"),
    "make_scim_token": _tells(ScimTokenChanged),
    "revoke_scim_token": _tells(ScimTokenChanged, or_else="scim_token.revoked_again"),
    "use_organisation": _is("session.moved"),
    "accept_membership": _tells(InvitationAccepted),
    "end_membership": _tells(MembershipChanged),
    "begin_sso": _nothing("anybody may begin a sign-in; its end is an entry"),
    "begin_sso_link": _nothing("the end of what is begun is an entry"),
    "begin_sso_proof": _nothing("the end of what is begun is an entry"),
    "finish_sso": _tells(SignedIn, SsoAccountChanged, or_else="session.proved"),
    "end_session": _tells(SessionsEnded),
    "end_other_sessions": _tells(SessionsEnded),
    "end_sessions_of": _tells(SessionsEnded),
    "add_webhook": _is("webhook.added"),
    "remove_webhook": _is("webhook.removed"),
    "change_webhook": _is("webhook.changed"),
    "redeliver_message": _is("webhook.redelivered", of="delivery_id"),
    "rotate_webhook": _is("webhook.secret_rotated", of="webhook_id"),
    "test_webhook": _is("webhook.tested", of="webhook_id"),
}
"""By operation: every POST, PUT, PATCH and DELETE of the document."""

READS: Mapping[str, Audited] = {
    "export_audit_log": _tells(PrivateDataRead),
    "list_audit_entries": _tells(PrivateDataRead),
    "export_calls": _is("usage.exported"),
    "export_statement": _is("statement.exported"),
    "list_calls": _reads_others("usage.read"),
    "read_usage_series": _reads_others("usage.read", "consumer"),
    "read_statement": _reads_others("statement.read"),
    "list_keys_of_all": _is("keys.read"),
}
"""Reads that are entries: exports, and what an operator reads of others (the room knows which those are)."""
