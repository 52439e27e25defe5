"""Every operation that may change something needs a recent proof of who asks, or the table says why it needs none."""

from datetime import timedelta

import httpx
import pytest

from mercato.edge.document.routes import facts_of
from mercato.identity.permissions import Role
from tests.api.test_rights import DOCUMENT, OPERATIONS, Office, offices, wiring

__all__ = ["offices", "wiring"]

_CODE = "step_up_needed"
_WRITES = ("post", "put", "patch", "delete")
CHANGES = {
    operation["operationId"]
    for methods in DOCUMENT["paths"].values()
    for method, operation in methods.items()
    if method in _WRITES
}

NEEDS_PROOF = {
    # Who is let in, and with which rights.
    "invite", "add_user", "change_role", "disable_user", "enable_user", "end_membership", "unlink_account",
    "make_service_account", "enable_service_account", "set_service_account_rights",
    "set_provider", "remove_provider", "switch_passwords", "begin_sso_link",
    "set_scim", "make_scim_token", "revoke_scim_token",
    # What proves who somebody is.
    "add_passkey", "begin_adding_passkey", "remove_passkey",
    "add_second_factor", "remove_second_factor", "renew_recovery_codes",
    # Whose private data is shown, and whether it is erased.
    "view_as", "set_view_setting", "export_person", "erase_person",
    # What the marketplace vouches for, bills, and lets trade again.
    "decide_submission", "verify_organisation", "reinstate_organisation", "close_period", "lift_switch",
    "decide_dispute",
}  # fmt: skip

NEEDS_PROOF_AT_TIMES = {"hold_key", "answer_dispute"}
"""To widen what a key may reach (`test_a_hold_is_widened_with_a_proof_only`), and to give money back."""

NEEDS_NONE = {
    "it is how somebody signs in, joins or proves who they are, with a secret of its own": {
        "sign_up", "sign_in", "sign_in_by_passkey", "begin_passkey_sign_in", "refresh_session", "begin_sso",
        "finish_sso", "begin_device_login", "give_token", "ask_for_reset", "use_reset", "change_password",
        "prove_again", "prove_by_passkey", "begin_sso_proof", "show_invitation", "accept_invitation",
        "accept_membership", "use_organisation", "introspect_credential", "confirm_second_factor",
    },
    "it only takes something away, or stops something": {
        "sign_out", "end_session", "end_other_sessions", "end_sessions_of", "end_view", "withdraw_invitation",
        "disable_service_account", "revoke_key", "revoke_token", "remove_credential", "remove_webhook",
        "drop_budget", "cancel_subscription", "suspend_organisation", "throw_switch", "place_legal_hold",
        "withdraw_service", "yank_release", "deprecate_release", "abort_canary", "stop_training_run",
        "cancel_workflow", "end_announcement", "forget_search", "remove_review", "hide_review", "let_approval_go",
        "withdraw_dispute",
    },
    "an erasure needs a proof of its own afterwards": {"lift_legal_hold"},
    "a key may do it too: programs do it day by day": {
        "make_key", "rotate_key", "put_credential", "put_budget", "add_webhook", "change_webhook", "rotate_webhook",
        "test_webhook", "redeliver_message", "submit_release", "start_canary", "promote_canary", "claim_backtest",
        "link_deployment", "take_heartbeat", "store_signals", "start_training_run", "claim_training_run", "subscribe",
        "change_plan", "save_search", "give_feedback", "write_review", "answer_review", "call_anomaly_normal",
        "ask_optimizer",
    },
    "an entry with its reason stays, and another one corrects it": {"adjust_charges", "decide_usage_review"},
    "it grants nothing to anybody": {
        "claim_approval", "comment_on_approval", "make_announcement", "show_review", "retry_workflow", "seal_log",
        "build_dataset", "open_round", "close_round", "resolve_round", "dispute_call",
    },
    "its mutations ask as the routes do": {"ask_graphql", "stream_graphql"},
}  # fmt: skip
"""By the reason why."""

LOOKED_FOR_FIRST = {"begin_sso_link"}
"""Where there is no provider to bind an account of, that is said first."""

OLD = timedelta(minutes=11)


def test_every_operation_that_changes_something_is_decided_once() -> None:
    decided = [*NEEDS_PROOF, *NEEDS_PROOF_AT_TIMES, *(name for names in NEEDS_NONE.values() for name in names)]
    assert sorted(decided) == sorted(CHANGES), "add the operation to NEEDS_PROOF, or to NEEDS_NONE with its reason"


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_the_code_asks_for_a_proof_exactly_where_the_table_says(name: str) -> None:
    assert (_CODE in facts_of(name).refusals) == (name in NEEDS_PROOF | NEEDS_PROOF_AT_TIMES)


async def test_an_old_proof_is_refused_exactly_where_the_table_says(
    api: httpx.AsyncClient, offices: dict[bool, Office]
) -> None:
    """By those who may do most: the operator's super administrator, and an organisation's administrator."""
    wrong, refused = [], set()
    for in_operator, role in ((True, Role.SUPER_ADMIN), (False, Role.ADMIN)):
        for name in sorted(CHANGES):
            who = await offices[in_operator].sign_in(role, OLD)
            answer = await OPERATIONS[name].send(api, who, {})
            asks = answer.status_code == 403 and answer.json()["code"] == _CODE
            if asks:
                refused.add(name)
            if asks and name not in NEEDS_PROOF:
                wrong.append(f"{name}: asks for a proof")
            if name in NEEDS_PROOF and answer.is_success:
                wrong.append(f"{name}: {answer.status_code} with an old proof")
    assert not wrong, "\n".join(wrong)
    assert refused == NEEDS_PROOF - LOOKED_FOR_FIRST


async def test_a_new_proof_is_enough(api: httpx.AsyncClient, offices: dict[bool, Office]) -> None:
    for in_operator, role in ((True, Role.SUPER_ADMIN), (False, Role.ADMIN)):
        for name in sorted(NEEDS_PROOF):
            answer = await OPERATIONS[name].send(api, await offices[in_operator].sign_in(role), {})
            assert answer.status_code < 500, name
            assert answer.is_success or answer.json()["code"] != _CODE, name


async def test_a_hold_is_widened_with_a_proof_only(api: httpx.AsyncClient, offices: dict[bool, Office]) -> None:
    new, old = await offices[False].sign_in(Role.ADMIN), await offices[False].sign_in(Role.ADMIN, OLD)
    made = await api.post("/api/keys", json={"kind": "ck", "name": "server"}, headers=old)
    assert made.status_code == 201, made.text

    async def hold(who: dict[str, str], *addresses: str) -> str:
        body = {"services": [], "addresses": list(addresses)}
        answer = await api.put(f"/api/keys/{made.json()['id']}/hold", json=body, headers=who)
        return "held" if answer.is_success else str(answer.json()["code"])

    assert await hold(old, "10.0.0.0/8", "2001:db8::/32") == "held"
    assert await hold(old, "10.1.0.0/16") == "held"
    for wider in ((), ("10.0.0.0/8",), ("10.1.0.0/16", "192.0.2.0/24"), ("2001:db8::/32",)):
        assert await hold(old, *wider) == _CODE, wider
    assert await hold(old, "10.1.0.0/16") == "held", "the same again changes nothing"
    assert await hold(new) == "held"
