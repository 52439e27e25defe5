"""A typed client of the control API: one method a route, answers as the contracts' types."""

from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import quote, urlencode

from mercato_cli.errors import MpError
from mercato_cli.profiles import gateway_of
from mercato_cli.transport import Transport
from mercato_contracts.billing import (
    AdjustmentPage,
    AdjustmentRequest,
    AdjustmentView,
    InvoiceDetail,
    InvoicePage,
    InvoiceView,
    PayoutDetail,
    PayoutPage,
    PayoutView,
)
from mercato_contracts.catalog import CatalogModel, CatalogPage
from mercato_contracts.credentials import CredentialList, CredentialRequest, CredentialView
from mercato_contracts.datasets import (
    DatasetDetail,
    DatasetList,
    DatasetView,
    FileGrant,
    RoundDetail,
    RoundPage,
    RoundView,
)
from mercato_contracts.deployments import (
    ACCESS_TOKEN,
    TOKEN_EXCHANGE,
    DeploymentList,
    DeploymentTokenPage,
    DeploymentTokenView,
    DeploymentView,
    HeartbeatReceipt,
    TokenAnswer,
)
from mercato_contracts.desk import (
    KillSwitchList,
    KillSwitchView,
    Leaderboard,
    LeaderboardRow,
    LogAudit,
    Reconciliation,
    RecordLine,
    RecordList,
    RoundDesk,
    SignalPage,
)
from mercato_contracts.discovery import SearchAnswer
from mercato_contracts.identity import KeyPage, KeyView, MeView, NewKeyAnswer, NewKeyRequest, SessionView, SignUpAnswer
from mercato_contracts.marketplace import MarketplaceView
from mercato_contracts.metering import (
    BudgetList,
    BudgetRequest,
    BudgetView,
    DoubtedCallsList,
    UsageAnswer,
    UsageReviewDecision,
    UsageReviewPage,
    UsageReviewView,
)
from mercato_contracts.publishing import (
    CanaryPage,
    CanaryRequest,
    CanaryView,
    Decision,
    ServiceView,
    SubmissionSummary,
    SubmissionView,
    SubmitRequest,
    WaitingPage,
    WaitingView,
)
from mercato_contracts.record import RecordHead, RecordHeadList
from mercato_contracts.scores import RoundScores
from mercato_contracts.service_levels import AlertPage, ServiceLevelView, ServiceStatusView, StatusEntry, StatusList
from mercato_contracts.signals import SIGNATURE_HEADER, SignalProof, SignalReceipt, SignalReceipts
from mercato_contracts.subscriptions import SubscribeRequest, SubscriptionPage, SubscriptionView
from mercato_contracts.training import LogPage, TrainingRun, TrainingRunPage
from mercato_contracts.webhooks import (
    NewWebhookAnswer,
    WebhookDeliveryPage,
    WebhookDeliveryView,
    WebhookList,
    WebhookRequest,
    WebhookView,
)

_MARKETPLACE = "/api/marketplace"
_RECORD_LINES = 500  # on one page


class Client(Transport):
    """The control API of a profile's marketplace, as its owner."""

    def find_gateway(self) -> str:
        """The gateway's address, as the marketplace names it."""
        try:
            found = self.read(MarketplaceView, _MARKETPLACE, self.request("GET", _MARKETPLACE, credential=""))
        except MpError as error:
            if error.problem.get("code") != "not_found":
                raise
            return gateway_of(self._profile.url)  # a marketplace of an earlier release
        return found.gateway_url or gateway_of(self._profile.url, found.gateway_port)

    def me(self) -> MeView:
        """Who the credential belongs to."""
        return self.ask(MeView, "GET", "/api/me")

    def sign_up(self, organisation: str, name: str, email: str, password: str) -> SignUpAnswer:
        """A new organisation and its first administrator."""
        body = {"organisation": organisation, "name": name, "email": email, "password": password}
        return self.ask(SignUpAnswer, "POST", "/api/organisations", body)

    def sign_in(self, email: str, password: str) -> SessionView:
        """A new session."""
        return self.ask(SessionView, "POST", "/api/sessions", {"email": email, "password": password})

    def sign_out(self) -> None:
        """End the session."""
        self.request("DELETE", "/api/sessions/current")

    def make_key(self, request: NewKeyRequest) -> NewKeyAnswer:
        """A key with its text."""
        return self.ask(NewKeyAnswer, "POST", "/api/keys", request.model_dump(mode="json"))

    def list_keys(self) -> list[KeyView]:
        """Every key of the organisation."""
        return list(self.pages(KeyPage, "/api/keys"))

    def rotate_key(self, key_id: str, grace_seconds: int) -> NewKeyAnswer:
        """The successor with its text."""
        return self.ask(NewKeyAnswer, "POST", f"/api/keys/{_part(key_id)}/rotate", {"grace_seconds": grace_seconds})

    def revoke_key(self, key_id: str) -> None:
        """Out of force at once."""
        self.request("DELETE", f"/api/keys/{_part(key_id)}")

    def list_limits(self) -> list[BudgetView]:
        """Every cap that the organisation set: on itself, its services and its keys."""
        return self.ask(BudgetList, "GET", "/api/budgets").items

    def put_limit(self, **terms: Any) -> BudgetView:
        """Set or change a cap; the terms are those of `BudgetRequest`."""
        return self.ask(BudgetView, "PUT", "/api/budgets", BudgetRequest(**terms).model_dump(mode="json"))

    def drop_limit(self, scope: str) -> None:
        """The cap is no more."""
        self.request("DELETE", f"/api/budgets/{_part(scope)}")

    def list_credentials(self) -> CredentialList:
        """What the organisation stored, without the secrets."""
        return self.ask(CredentialList, "GET", "/api/credentials")

    def put_credential(self, name: str, request: CredentialRequest) -> CredentialView:
        """Store a secret, or replace it."""
        body = request.model_dump(mode="json")
        return self.ask(CredentialView, "PUT", f"/api/credentials/{_part(name)}", body)

    def remove_credential(self, name: str) -> None:
        """Remove a secret that nothing presents."""
        self.request("DELETE", f"/api/credentials/{_part(name)}")

    def submit(self, request: SubmitRequest) -> SubmissionSummary:
        """Hand a version in; the same content again is the same submission."""
        return self.ask(SubmissionSummary, "POST", "/api/submissions", request.model_dump(mode="json"))

    def submission(self, submission_id: str) -> SubmissionView:
        """A submission and what each phase found."""
        return self.ask(SubmissionView, "GET", f"/api/submissions/{_part(submission_id)}")

    def list_approvals(self) -> list[WaitingView]:
        """All that waits for people, the oldest first."""
        return list(self.pages(WaitingPage, "/api/approvals"))

    def decide(self, submission_id: str, decision: Decision, reason: str) -> WaitingView:
        """One person's yes or no."""
        body = {"decision": decision, "reason": reason}
        return self.ask(WaitingView, "POST", f"/api/approvals/{_part(submission_id)}", body)

    def search(self, query: dict[str, Any]) -> SearchAnswer:
        """Services by plain words and filters."""
        return self.ask(SearchAnswer, "GET", "/api/search", query=query)

    def service(self, vendor: str, name: str) -> ServiceView:
        """A service with its releases and plans."""
        return self.ask(ServiceView, "GET", f"/api/services/{_part(vendor)}/{_part(name)}")

    def list_services(self) -> list[CatalogModel]:
        """Every listed service, the oldest first."""
        items: list[CatalogModel] = []
        after: str | None = None
        while True:
            page = self.ask(CatalogPage, "GET", "/api/catalog", query={"after": after})
            items += page.items
            if page.next is None:
                return items
            after = page.next

    def start_canary(self, vendor: str, name: str, request: CanaryRequest) -> CanaryView:
        """The canary that begins now."""
        return self.ask(CanaryView, "POST", _canaries(vendor, name), request.model_dump(mode="json"))

    def list_canaries(self, vendor: str, name: str) -> list[CanaryView]:
        """The newest fifty, the newest first."""
        return self.ask(CanaryPage, "GET", _canaries(vendor, name)).items

    def end_canary(self, vendor: str, name: str, ending: Literal["promote", "abort"], reason: str) -> CanaryView:
        """The canary that ran, with its figures."""
        return self.ask(CanaryView, "POST", f"{_canaries(vendor, name)}/{ending}", {"reason": reason})

    def subscribe(self, plan_id: str) -> SubscriptionView:
        """The active subscription to this plan."""
        return self.ask(SubscriptionView, "POST", "/api/subscriptions", SubscribeRequest(plan_id=plan_id).model_dump())

    def list_subscriptions(self) -> list[SubscriptionView]:
        """Every subscription of the organisation."""
        return list(self.pages(SubscriptionPage, "/api/subscriptions"))

    def unsubscribe(self, subscription_id: str) -> SubscriptionView:
        """The subscription, cancelled."""
        return self.ask(SubscriptionView, "DELETE", f"/api/subscriptions/{_part(subscription_id)}")

    def list_datasets(self) -> list[DatasetView]:
        """Every dataset that one may use."""
        return self.ask(DatasetList, "GET", "/api/datasets").items

    def dataset(self, name: str) -> DatasetDetail:
        """A dataset with its card."""
        return self.ask(DatasetDetail, "GET", f"/api/datasets/{_part(name)}")

    def list_rounds(self, dataset: str) -> list[RoundView]:
        """Every round, the newest first."""
        return list(self.pages(RoundPage, f"/api/datasets/{_part(dataset)}/rounds"))

    def round(self, dataset: str, number: str) -> RoundDetail:
        """The round of this number; `current` is the open one."""
        return self.ask(RoundDetail, "GET", f"/api/datasets/{_part(dataset)}/rounds/{_part(number)}")

    def file_grant(self, round_id: str, name: str) -> FileGrant:
        """A link to one file of a round."""
        return self.ask(FileGrant, "GET", f"/api/rounds/{_part(round_id)}/files/{_part(name)}")

    def usage(self, query: dict[str, Any]) -> UsageAnswer:
        """Sums by group and totals."""
        return self.ask(UsageAnswer, "GET", "/api/usage", query=query)

    def doubted_calls(self, query: dict[str, Any]) -> DoubtedCallsList:
        """Calls whose counts cannot be true, by day, service and reason."""
        return self.ask(DoubtedCallsList, "GET", "/api/usage/doubted", query=query)

    def usage_reviews(self, query: dict[str, Any]) -> UsageReviewPage:
        """The newest first."""
        return self.ask(UsageReviewPage, "GET", "/api/usage/reviews", query=query)

    def decide_usage_review(self, review_id: str, decision: UsageReviewDecision) -> UsageReviewView:
        """Hold or clear the service."""
        return self.ask(
            UsageReviewView, "POST", f"/api/usage/reviews/{_part(review_id)}/decision", decision.model_dump(mode="json")
        )

    def list_deployments(self) -> list[DeploymentView]:
        """Every deployment of the organisation."""
        return self.ask(DeploymentList, "GET", "/api/deployments").items

    def deployment(self, deployment_id: str) -> DeploymentView:
        """One of them."""
        return self.ask(DeploymentView, "GET", f"/api/deployments/{_part(deployment_id)}")

    def link_deployment(self, deployment_id: str, public_key: str, interval_seconds: int) -> DeploymentView:
        """The deployment signs with this key from now on."""
        body = {"public_key": public_key, "interval_seconds": interval_seconds}
        return self.ask(DeploymentView, "PUT", f"/api/deployments/{_part(deployment_id)}/link", body)

    def send_heartbeat(self, body: bytes, signature: str, credential: str) -> HeartbeatReceipt:
        """The deployment lives; `body` is sent as it was signed."""
        headers = {"Mercato-Signature": signature, "content-type": "application/json"}
        sent = self.request("POST", "/api/heartbeats", content=body, headers=headers, credential=credential)
        return self.read(HeartbeatReceipt, "/api/heartbeats", sent)

    def exchange_token(self, deployment_id: str, scopes: list[str], seconds: int | None) -> TokenAnswer:
        """A token of this deployment for the profile's vendor key."""
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": self._profile.credential,
            "subject_token_type": ACCESS_TOKEN,
            "audience": deployment_id,
        }
        form |= {"scope": " ".join(scopes)} if scopes else {}
        form |= {"expires_in": str(seconds)} if seconds is not None else {}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        sent = self.request("POST", "/api/oauth/token", content=urlencode(form).encode(), headers=headers)
        return self.read(TokenAnswer, "/api/oauth/token", sent)

    def list_tokens(self, deployment_id: str) -> list[DeploymentTokenView]:
        """Every token of the deployment."""
        path = f"/api/deployments/{_part(deployment_id)}/tokens"
        return list(self.pages(DeploymentTokenPage, path))

    def revoke_token(self, token_id: str) -> None:
        """Out of force at once."""
        self.request("DELETE", f"/api/deployment-tokens/{_part(token_id)}")

    def adjust(self, request: AdjustmentRequest) -> AdjustmentView:
        """The posted correction."""
        return self.ask(AdjustmentView, "POST", "/api/adjustments", request.model_dump(mode="json"))

    def list_adjustments(self, side: Literal["consumer", "vendor"]) -> list[AdjustmentView]:
        """Every correction seen from this side."""
        return list(self.pages(AdjustmentPage, "/api/adjustments", {"side": side}))

    def list_invoices(self, *, everyone: bool) -> list[InvoiceView]:
        """The organisation's invoices, or an operator's view of everyone's."""
        return list(self.pages(InvoicePage, "/api/invoices", {"everyone": "true" if everyone else None}))

    def invoice(self, invoice_id: str) -> InvoiceDetail:
        """An invoice with its lines."""
        return self.ask(InvoiceDetail, "GET", f"/api/invoices/{_part(invoice_id)}")

    def list_payouts(self, *, everyone: bool) -> list[PayoutView]:
        """The organisation's payouts, or an operator's view of everyone's."""
        return list(self.pages(PayoutPage, "/api/payouts", {"everyone": "true" if everyone else None}))

    def payout(self, payout_id: str) -> PayoutDetail:
        """A payout with its lines."""
        return self.ask(PayoutDetail, "GET", f"/api/payouts/{_part(payout_id)}")

    def service_level(self, vendor: str, name: str) -> ServiceLevelView:
        """What is promised of a service, and what it does."""
        return self.ask(ServiceLevelView, "GET", f"/api/services/{_part(vendor)}/{_part(name)}/sla")

    def alerts(self, query: dict[str, Any]) -> AlertPage:
        """The newest first."""
        return self.ask(AlertPage, "GET", "/api/alerts", query=query)

    def status(self) -> list[StatusEntry]:
        """How every listed service does."""
        return list(self.pages(StatusList, "/api/status"))

    def service_status(self, vendor: str, name: str) -> ServiceStatusView:
        """One service, day by day."""
        return self.ask(ServiceStatusView, "GET", f"/api/status/{_part(vendor)}/{_part(name)}")

    def add_webhook(self, request: WebhookRequest) -> NewWebhookAnswer:
        """The endpoint with its secret."""
        return self.ask(NewWebhookAnswer, "POST", "/api/webhooks", request.model_dump(mode="json"))

    def list_webhooks(self) -> WebhookList:
        """Every endpoint of the organisation."""
        return self.ask(WebhookList, "GET", "/api/webhooks")

    def remove_webhook(self, webhook_id: str) -> None:
        """With its secrets and its log."""
        self.request("DELETE", f"/api/webhooks/{_part(webhook_id)}")

    def enable_webhook(self, webhook_id: str) -> WebhookView:
        """The endpoint, sent to again."""
        return self.ask(WebhookView, "PATCH", f"/api/webhooks/{_part(webhook_id)}", {"enabled": True})

    def rotate_webhook(self, webhook_id: str, grace_seconds: int) -> NewWebhookAnswer:
        """The endpoint with its new secret."""
        body = {"grace_seconds": grace_seconds}
        return self.ask(NewWebhookAnswer, "POST", f"/api/webhooks/{_part(webhook_id)}/rotate", body)

    def test_webhook(self, webhook_id: str) -> WebhookDeliveryView:
        """A test event on its way."""
        return self.ask(WebhookDeliveryView, "POST", f"/api/webhooks/{_part(webhook_id)}/test")

    def webhook_deliveries(self, webhook_id: str, limit: int) -> WebhookDeliveryPage:
        """The newest first."""
        path = f"/api/webhooks/{_part(webhook_id)}/deliveries"
        return self.ask(WebhookDeliveryPage, "GET", path, query={"limit": limit})

    def redeliver_webhook(self, webhook_id: str, delivery_id: str) -> None:
        """The same message again."""
        self.request("POST", f"/api/webhooks/{_part(webhook_id)}/deliveries/{_part(delivery_id)}/redeliver")

    def store_signals(self, body: bytes, signature: str, token: str) -> list[SignalReceipt]:
        """Write signals; `signature` is over exactly these bytes. `token` is the deployment's own, if it has one."""
        signed = {SIGNATURE_HEADER: signature, "content-type": "application/json"}
        content = self.request("POST", "/api/signals/store", content=body, headers=signed, credential=token or None)
        return self.read(SignalReceipts, "/api/signals/store", content).items

    def list_signals(self, round_id: str | None, limit: int) -> list[SignalReceipt]:
        """The organisation's newest entries."""
        return self.ask(SignalPage, "GET", "/api/signals", query={"round": round_id, "limit": limit}).items

    def signal_proof(self, entry_id: str) -> SignalProof:
        """That the entry stands in the log."""
        return self.ask(SignalProof, "GET", f"/api/signals/{_part(entry_id)}/proof")

    def scores(self, round_id: str) -> tuple[RoundScores, bytes]:
        """A round's scores, and their exact bytes."""
        path = f"/api/rounds/{_part(round_id)}/scores"
        content = self.request("GET", path)
        return self.read(RoundScores, path, content), content

    def score_inputs(self, round_id: str) -> bytes:
        """The exact bytes that the scores were made from."""
        return self.request("GET", f"/api/rounds/{_part(round_id)}/scores/inputs")

    def round_desk(self, round_id: str) -> RoundDesk:
        """A round's consensus and portfolios."""
        return self.ask(RoundDesk, "GET", f"/api/rounds/{_part(round_id)}/desk")

    def leaderboard(self) -> list[LeaderboardRow]:
        """Deployments by what they add."""
        return self.ask(Leaderboard, "GET", "/api/leaderboard").items

    def claim_backtest(
        self, deployment: str, eras: int, mean_ic: float, deviation: float, source: str
    ) -> Reconciliation:
        """The claim that counts, beside what happened so far."""
        body = {"eras": eras, "mean_ic": mean_ic, "deviation": deviation, "source": source}
        return self.ask(Reconciliation, "PUT", f"/api/deployments/{_part(deployment)}/backtest", body)

    def reconciliation(self, deployment: str) -> Reconciliation:
        """Live results against the claim."""
        return self.ask(Reconciliation, "GET", f"/api/deployments/{_part(deployment)}/reconciliation")

    def throw_switch(self, scope: str, target: str, reason: str) -> KillSwitchView:
        """Switch something off."""
        body = {"scope": scope, "target": target, "reason": reason}
        return self.ask(KillSwitchView, "POST", "/api/kill-switches", body)

    def lift_switch(self, switch_id: str, reason: str) -> KillSwitchView:
        """Let it run again."""
        return self.ask(KillSwitchView, "POST", f"/api/kill-switches/{_part(switch_id)}/lift", {"reason": reason})

    def kill_switches(self, *, thrown: bool) -> list[KillSwitchView]:
        """The newest first."""
        return self.ask(KillSwitchList, "GET", "/api/kill-switches", query={"thrown": thrown or None}).items

    def desk_record(self, subject: str | None = None, limit: int | None = None) -> Iterator[RecordLine]:
        """Lines of the desk's record, the newest first: all, or `limit` at most."""
        before, left = None, limit
        while left is None or left > 0:
            asked = min(left or _RECORD_LINES, _RECORD_LINES)
            query = {"subject": subject, "before": before, "limit": asked}
            items = self.ask(RecordList, "GET", "/api/desk/record", query=query).items
            yield from items
            if len(items) < asked:
                return
            before, left = items[-1].number, None if left is None else left - asked

    def record_heads(self, limit: int) -> list[RecordHead]:
        """Signed states of the desk's record, the newest first."""
        return self.ask(RecordHeadList, "GET", "/api/desk/record/heads", query={"limit": limit}).items

    def audit_desk(self) -> LogAudit:
        """The marketplace computes log and record again."""
        return self.ask(LogAudit, "GET", "/api/signals/audit")

    def start_training(self, spec: dict[str, Any], code: str) -> TrainingRun:
        """A run, queued; `code` is the project's zip in base64."""
        return self.ask(TrainingRun, "POST", "/api/training/runs", {"spec": spec, "code": code})

    def list_training(self) -> list[TrainingRun]:
        """Every run of the organisation, the newest first."""
        return list(self.pages(TrainingRunPage, "/api/training/runs"))

    def training(self, run_id: str) -> TrainingRun:
        """A run with its steps and what it left."""
        return self.ask(TrainingRun, "GET", f"/api/training/runs/{_part(run_id)}")

    def stop_training(self, run_id: str) -> TrainingRun:
        """Ask for the run's end."""
        return self.ask(TrainingRun, "POST", f"/api/training/runs/{_part(run_id)}/stop")

    def training_log(self, run_id: str, after: int, wait: int) -> LogPage:
        """What the run said from `after` on; waits up to `wait` seconds for something new."""
        return self.ask(
            LogPage, "GET", f"/api/training/runs/{_part(run_id)}/logs", query={"after": after, "wait": wait}
        )

    def training_artifact(self, run_id: str, name: str) -> bytes:
        """A file that the run left, wherever the marketplace keeps it."""
        return self.fetch(f"/api/training/runs/{_part(run_id)}/artifacts/{_part(name)}")


def _canaries(vendor: str, name: str) -> str:
    return f"/api/services/{_part(vendor)}/{_part(name)}/canaries"


def _part(text: str) -> str:
    """One segment of a path."""
    return quote(text, safe="")
