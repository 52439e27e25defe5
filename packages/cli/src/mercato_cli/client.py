"""A typed client of the control API: one method a route, answers as the contracts' types.

Every POST carries an `Idempotency-Key`, so everything may be sent again, and is when the network or the server falters:
three times at most, as long as the whole takes no longer than the timeout.
"""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel, ValidationError

from mercato_cli.errors import REMEDIES, Exit, MpError
from mercato_cli.profiles import Profile, Profiles
from mercato_contracts.billing import AdjustmentPage, AdjustmentRequest, AdjustmentView
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

Answer = TypeVar("Answer", bound=BaseModel)
Page = TypeVar(
    "Page",
    AdjustmentPage,
    DeploymentTokenPage,
    KeyPage,
    RoundPage,
    StatusList,
    SubscriptionPage,
    TrainingRunPage,
    WaitingPage,
)

_MAX_ANSWER_BYTES = 32 * 1024 * 1024
_RECORD_LINES = 500  # on one page
_PAUSES = (0.2, 0.6)  # seconds before the second and third try
_FALTERING = (502, 503, 504)
_REFRESH_BEFORE_SECONDS = 30


class Client:
    """The control API of `profile`'s marketplace. `timeout` in seconds is for a whole answer, all tries together.

    Every method raises `MpError`: REFUSED with the problem, NOT_LOGGED_IN, or UNREACHABLE.
    """

    def __init__(self, profile: Profile, profiles: Profiles, *, timeout: float) -> None:
        self._profile = profile
        self._profiles = profiles
        self._timeout = timeout
        try:
            self._http = httpx.Client(base_url=profile.url, timeout=timeout, headers={"user-agent": "mp"})
        except (httpx.InvalidURL, ValueError) as error:
            raise MpError(f"{profile.url} is not an address: {error}.", "Log in with `mp login --url`.") from None

    def me(self) -> MeView:
        """Who the credential belongs to."""
        return self._ask(MeView, "GET", "/api/me")

    def sign_up(self, organisation: str, name: str, email: str, password: str) -> SignUpAnswer:
        """A new organisation and its first administrator."""
        body = {"organisation": organisation, "name": name, "email": email, "password": password}
        return self._ask(SignUpAnswer, "POST", "/api/organisations", body)

    def sign_in(self, email: str, password: str) -> SessionView:
        """A new session."""
        return self._ask(SessionView, "POST", "/api/sessions", {"email": email, "password": password})

    def sign_out(self) -> None:
        """End the session."""
        self._request("DELETE", "/api/sessions/current")

    def make_key(self, request: NewKeyRequest) -> NewKeyAnswer:
        """A key with its text."""
        return self._ask(NewKeyAnswer, "POST", "/api/keys", request.model_dump(mode="json"))

    def list_keys(self) -> list[KeyView]:
        """Every key of the organisation."""
        return [item for page in self._pages(KeyPage, "/api/keys") for item in page.items]

    def rotate_key(self, key_id: str, grace_seconds: int) -> NewKeyAnswer:
        """The successor with its text."""
        return self._ask(NewKeyAnswer, "POST", f"/api/keys/{_part(key_id)}/rotate", {"grace_seconds": grace_seconds})

    def revoke_key(self, key_id: str) -> None:
        """Out of force at once."""
        self._request("DELETE", f"/api/keys/{_part(key_id)}")

    def list_limits(self) -> list[BudgetView]:
        """Every cap that the organisation set: on itself, its services and its keys."""
        return self._ask(BudgetList, "GET", "/api/budgets").items

    def put_limit(self, **terms: Any) -> BudgetView:
        """Set or change a cap; the terms are those of `BudgetRequest`."""
        return self._ask(BudgetView, "PUT", "/api/budgets", BudgetRequest(**terms).model_dump(mode="json"))

    def drop_limit(self, scope: str) -> None:
        """The cap is no more."""
        self._request("DELETE", f"/api/budgets/{_part(scope)}")

    def list_credentials(self) -> CredentialList:
        """What the organisation stored, without the secrets."""
        return self._ask(CredentialList, "GET", "/api/credentials")

    def put_credential(self, name: str, request: CredentialRequest) -> CredentialView:
        """Store a secret, or replace it."""
        body = request.model_dump(mode="json")
        return self._ask(CredentialView, "PUT", f"/api/credentials/{_part(name)}", body)

    def remove_credential(self, name: str) -> None:
        """Remove a secret that nothing presents."""
        self._request("DELETE", f"/api/credentials/{_part(name)}")

    def submit(self, request: SubmitRequest) -> SubmissionSummary:
        """Hand a version in; the same content again is the same submission."""
        return self._ask(SubmissionSummary, "POST", "/api/submissions", request.model_dump(mode="json"))

    def submission(self, submission_id: str) -> SubmissionView:
        """A submission and what each phase found."""
        return self._ask(SubmissionView, "GET", f"/api/submissions/{_part(submission_id)}")

    def list_approvals(self) -> list[WaitingView]:
        """All that waits for people, the oldest first."""
        return [item for page in self._pages(WaitingPage, "/api/approvals") for item in page.items]

    def decide(self, submission_id: str, decision: Decision, reason: str) -> WaitingView:
        """One person's yes or no."""
        body = {"decision": decision, "reason": reason}
        return self._ask(WaitingView, "POST", f"/api/approvals/{_part(submission_id)}", body)

    def search(self, query: dict[str, Any]) -> SearchAnswer:
        """Services by plain words and filters."""
        return self._ask(SearchAnswer, "GET", "/api/search", query=query)

    def service(self, vendor: str, name: str) -> ServiceView:
        """A service with its releases and plans."""
        return self._ask(ServiceView, "GET", f"/api/services/{_part(vendor)}/{_part(name)}")

    def start_canary(self, vendor: str, name: str, request: CanaryRequest) -> CanaryView:
        """The canary that begins now."""
        return self._ask(CanaryView, "POST", _canaries(vendor, name), request.model_dump(mode="json"))

    def list_canaries(self, vendor: str, name: str) -> list[CanaryView]:
        """The newest fifty, the newest first."""
        return self._ask(CanaryPage, "GET", _canaries(vendor, name)).items

    def end_canary(self, vendor: str, name: str, ending: Literal["promote", "abort"], reason: str) -> CanaryView:
        """The canary that ran, with its figures."""
        return self._ask(CanaryView, "POST", f"{_canaries(vendor, name)}/{ending}", {"reason": reason})

    def subscribe(self, plan_id: str) -> SubscriptionView:
        """The active subscription to this plan."""
        return self._ask(SubscriptionView, "POST", "/api/subscriptions", SubscribeRequest(plan_id=plan_id).model_dump())

    def list_subscriptions(self) -> list[SubscriptionView]:
        """Every subscription of the organisation."""
        return [item for page in self._pages(SubscriptionPage, "/api/subscriptions") for item in page.items]

    def unsubscribe(self, subscription_id: str) -> SubscriptionView:
        """The subscription, cancelled."""
        return self._ask(SubscriptionView, "DELETE", f"/api/subscriptions/{_part(subscription_id)}")

    def list_datasets(self) -> list[DatasetView]:
        """Every dataset that one may use."""
        return self._ask(DatasetList, "GET", "/api/datasets").items

    def dataset(self, name: str) -> DatasetDetail:
        """A dataset with its card."""
        return self._ask(DatasetDetail, "GET", f"/api/datasets/{_part(name)}")

    def list_rounds(self, dataset: str) -> list[RoundView]:
        """Every round, the newest first."""
        return [
            item for page in self._pages(RoundPage, f"/api/datasets/{_part(dataset)}/rounds") for item in page.items
        ]

    def round(self, dataset: str, number: str) -> RoundDetail:
        """The round of this number; `current` is the open one."""
        return self._ask(RoundDetail, "GET", f"/api/datasets/{_part(dataset)}/rounds/{_part(number)}")

    def file_grant(self, round_id: str, name: str) -> FileGrant:
        """A link to one file of a round."""
        return self._ask(FileGrant, "GET", f"/api/rounds/{_part(round_id)}/files/{_part(name)}")

    def usage(self, query: dict[str, Any]) -> UsageAnswer:
        """Sums by group and totals."""
        return self._ask(UsageAnswer, "GET", "/api/usage", query=query)

    def doubted_calls(self, query: dict[str, Any]) -> DoubtedCallsList:
        """Calls whose counts cannot be true, by day, service and reason."""
        return self._ask(DoubtedCallsList, "GET", "/api/usage/doubted", query=query)

    def usage_reviews(self, query: dict[str, Any]) -> UsageReviewPage:
        """The newest first."""
        return self._ask(UsageReviewPage, "GET", "/api/usage/reviews", query=query)

    def decide_usage_review(self, review_id: str, decision: UsageReviewDecision) -> UsageReviewView:
        """Hold or clear the service."""
        return self._ask(
            UsageReviewView, "POST", f"/api/usage/reviews/{_part(review_id)}/decision", decision.model_dump(mode="json")
        )

    def list_deployments(self) -> list[DeploymentView]:
        """Every deployment of the organisation."""
        return self._ask(DeploymentList, "GET", "/api/deployments").items

    def deployment(self, deployment_id: str) -> DeploymentView:
        """One of them."""
        return self._ask(DeploymentView, "GET", f"/api/deployments/{_part(deployment_id)}")

    def link_deployment(self, deployment_id: str, public_key: str, interval_seconds: int) -> DeploymentView:
        """The deployment signs with this key from now on."""
        body = {"public_key": public_key, "interval_seconds": interval_seconds}
        return self._ask(DeploymentView, "PUT", f"/api/deployments/{_part(deployment_id)}/link", body)

    def send_heartbeat(self, body: bytes, signature: str, credential: str) -> HeartbeatReceipt:
        """The deployment lives; `body` is sent as it was signed."""
        headers = {"Mercato-Signature": signature, "content-type": "application/json"}
        sent = self._request("POST", "/api/heartbeats", content=body, headers=headers, credential=credential)
        return HeartbeatReceipt.model_validate_json(sent, extra="ignore")

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
        sent = self._request("POST", "/api/oauth/token", content=urlencode(form).encode(), headers=headers)
        return TokenAnswer.model_validate_json(sent, extra="ignore")

    def list_tokens(self, deployment_id: str) -> list[DeploymentTokenView]:
        """Every token of the deployment."""
        path = f"/api/deployments/{_part(deployment_id)}/tokens"
        return [item for page in self._pages(DeploymentTokenPage, path) for item in page.items]

    def revoke_token(self, token_id: str) -> None:
        """Out of force at once."""
        self._request("DELETE", f"/api/deployment-tokens/{_part(token_id)}")

    def adjust(self, request: AdjustmentRequest) -> AdjustmentView:
        """The posted correction."""
        return self._ask(AdjustmentView, "POST", "/api/adjustments", request.model_dump(mode="json"))

    def list_adjustments(self, side: Literal["consumer", "vendor"]) -> list[AdjustmentView]:
        """Every correction seen from this side."""
        pages = self._pages(AdjustmentPage, "/api/adjustments", {"side": side})
        return [item for page in pages for item in page.items]

    def service_level(self, vendor: str, name: str) -> ServiceLevelView:
        """What is promised of a service, and what it does."""
        return self._ask(ServiceLevelView, "GET", f"/api/services/{_part(vendor)}/{_part(name)}/sla")

    def alerts(self, query: dict[str, Any]) -> AlertPage:
        """The newest first."""
        return self._ask(AlertPage, "GET", "/api/alerts", query=query)

    def status(self) -> list[StatusEntry]:
        """How every listed service does."""
        return [item for page in self._pages(StatusList, "/api/status") for item in page.items]

    def service_status(self, vendor: str, name: str) -> ServiceStatusView:
        """One service, day by day."""
        return self._ask(ServiceStatusView, "GET", f"/api/status/{_part(vendor)}/{_part(name)}")

    def add_webhook(self, request: WebhookRequest) -> NewWebhookAnswer:
        """The endpoint with its secret."""
        return self._ask(NewWebhookAnswer, "POST", "/api/webhooks", request.model_dump(mode="json"))

    def list_webhooks(self) -> WebhookList:
        """Every endpoint of the organisation."""
        return self._ask(WebhookList, "GET", "/api/webhooks")

    def remove_webhook(self, webhook_id: str) -> None:
        """With its secrets and its log."""
        self._request("DELETE", f"/api/webhooks/{_part(webhook_id)}")

    def enable_webhook(self, webhook_id: str) -> WebhookView:
        """The endpoint, sent to again."""
        return self._ask(WebhookView, "PATCH", f"/api/webhooks/{_part(webhook_id)}", {"enabled": True})

    def rotate_webhook(self, webhook_id: str, grace_seconds: int) -> NewWebhookAnswer:
        """The endpoint with its new secret."""
        body = {"grace_seconds": grace_seconds}
        return self._ask(NewWebhookAnswer, "POST", f"/api/webhooks/{_part(webhook_id)}/rotate", body)

    def test_webhook(self, webhook_id: str) -> WebhookDeliveryView:
        """A test event on its way."""
        return self._ask(WebhookDeliveryView, "POST", f"/api/webhooks/{_part(webhook_id)}/test")

    def webhook_deliveries(self, webhook_id: str, limit: int) -> WebhookDeliveryPage:
        """The newest first."""
        path = f"/api/webhooks/{_part(webhook_id)}/deliveries"
        return self._ask(WebhookDeliveryPage, "GET", path, query={"limit": limit})

    def redeliver_webhook(self, webhook_id: str, delivery_id: str) -> None:
        """The same message again."""
        self._request("POST", f"/api/webhooks/{_part(webhook_id)}/deliveries/{_part(delivery_id)}/redeliver")

    def store_signals(self, body: bytes, signature: str, token: str) -> list[SignalReceipt]:
        """Write signals; `signature` is over exactly these bytes. `token` is the deployment's own, if it has one."""
        signed = {SIGNATURE_HEADER: signature, "content-type": "application/json"}
        content = self._request("POST", "/api/signals/store", content=body, headers=signed, credential=token or None)
        return SignalReceipts.model_validate_json(content, extra="ignore").items

    def list_signals(self, round_id: str | None, limit: int) -> list[SignalReceipt]:
        """The organisation's newest entries."""
        return self._ask(SignalPage, "GET", "/api/signals", query={"round": round_id, "limit": limit}).items

    def signal_proof(self, entry_id: str) -> SignalProof:
        """That the entry stands in the log."""
        return self._ask(SignalProof, "GET", f"/api/signals/{_part(entry_id)}/proof")

    def scores(self, round_id: str) -> tuple[RoundScores, bytes]:
        """A round's scores, and their exact bytes."""
        content = self._request("GET", f"/api/rounds/{_part(round_id)}/scores")
        return RoundScores.model_validate_json(content, extra="ignore"), content

    def score_inputs(self, round_id: str) -> bytes:
        """The exact bytes that the scores were made from."""
        return self._request("GET", f"/api/rounds/{_part(round_id)}/scores/inputs")

    def round_desk(self, round_id: str) -> RoundDesk:
        """A round's consensus and portfolios."""
        return self._ask(RoundDesk, "GET", f"/api/rounds/{_part(round_id)}/desk")

    def leaderboard(self) -> list[LeaderboardRow]:
        """Deployments by what they add."""
        return self._ask(Leaderboard, "GET", "/api/leaderboard").items

    def claim_backtest(
        self, deployment: str, eras: int, mean_ic: float, deviation: float, source: str
    ) -> Reconciliation:
        """The claim that counts, beside what happened so far."""
        body = {"eras": eras, "mean_ic": mean_ic, "deviation": deviation, "source": source}
        return self._ask(Reconciliation, "PUT", f"/api/deployments/{_part(deployment)}/backtest", body)

    def reconciliation(self, deployment: str) -> Reconciliation:
        """Live results against the claim."""
        return self._ask(Reconciliation, "GET", f"/api/deployments/{_part(deployment)}/reconciliation")

    def throw_switch(self, scope: str, target: str, reason: str) -> KillSwitchView:
        """Switch something off."""
        body = {"scope": scope, "target": target, "reason": reason}
        return self._ask(KillSwitchView, "POST", "/api/kill-switches", body)

    def lift_switch(self, switch_id: str, reason: str) -> KillSwitchView:
        """Let it run again."""
        return self._ask(KillSwitchView, "POST", f"/api/kill-switches/{_part(switch_id)}/lift", {"reason": reason})

    def kill_switches(self, *, thrown: bool) -> list[KillSwitchView]:
        """The newest first."""
        return self._ask(KillSwitchList, "GET", "/api/kill-switches", query={"thrown": thrown or None}).items

    def desk_record(self, subject: str | None = None, limit: int | None = None) -> Iterator[RecordLine]:
        """Lines of the desk's record, the newest first: all, or `limit` at most."""
        before, left = None, limit
        while left is None or left > 0:
            asked = min(left or _RECORD_LINES, _RECORD_LINES)
            query = {"subject": subject, "before": before, "limit": asked}
            items = self._ask(RecordList, "GET", "/api/desk/record", query=query).items
            yield from items
            if len(items) < asked:
                return
            before, left = items[-1].number, None if left is None else left - asked

    def record_heads(self, limit: int) -> list[RecordHead]:
        """Signed states of the desk's record, the newest first."""
        return self._ask(RecordHeadList, "GET", "/api/desk/record/heads", query={"limit": limit}).items

    def audit_desk(self) -> LogAudit:
        """The marketplace computes log and record again."""
        return self._ask(LogAudit, "GET", "/api/signals/audit")

    def start_training(self, spec: dict[str, Any], code: str) -> TrainingRun:
        """A run, queued; `code` is the project's zip in base64."""
        return self._ask(TrainingRun, "POST", "/api/training/runs", {"spec": spec, "code": code})

    def list_training(self) -> list[TrainingRun]:
        """Every run of the organisation, the newest first."""
        return [item for page in self._pages(TrainingRunPage, "/api/training/runs") for item in page.items]

    def training(self, run_id: str) -> TrainingRun:
        """A run with its steps and what it left."""
        return self._ask(TrainingRun, "GET", f"/api/training/runs/{_part(run_id)}")

    def stop_training(self, run_id: str) -> TrainingRun:
        """Ask for the run's end."""
        return self._ask(TrainingRun, "POST", f"/api/training/runs/{_part(run_id)}/stop")

    def training_log(self, run_id: str, after: int, wait: int) -> LogPage:
        """What the run said from `after` on; waits up to `wait` seconds for something new."""
        return self._ask(
            LogPage, "GET", f"/api/training/runs/{_part(run_id)}/logs", query={"after": after, "wait": wait}
        )

    def training_artifact(self, run_id: str, name: str) -> bytes:
        """A file that the run left, wherever the marketplace keeps it."""
        path = f"/api/training/runs/{_part(run_id)}/artifacts/{_part(name)}"
        self._refresh_when_due(path)
        headers = {"authorization": f"Bearer {self._profile.credential}"}
        try:
            answer = self._http.get(path, headers=headers)
            if answer.status_code == 307:
                # The link carries its own signature: our credential stays here.
                answer = httpx.get(answer.headers["location"], timeout=self._timeout)
        except httpx.RequestError as error:
            raise unreachable(self._profile.url, error, self._timeout) from None
        if answer.status_code >= 300:
            raise refusal(answer.status_code, answer.content, self._profile.url)
        return answer.content

    def _pages(self, kind: type[Page], path: str, query: dict[str, Any] | None = None) -> Iterator[Page]:
        after: str | None = None
        while True:
            page = self._ask(kind, "GET", path, query={**(query or {}), "after": after, "limit": 200})
            yield page
            after = page.next
            if after is None:
                return

    def _ask(
        self, kind: type[Answer], method: str, path: str, body: object = None, query: dict[str, Any] | None = None
    ) -> Answer:
        content = self._request(method, path, body, query)
        try:
            # A newer marketplace may say more than this client knows.
            return kind.model_validate_json(content, extra="ignore")
        except ValidationError:
            raise _unusable(f"{path} of {self._profile.url} answered in a shape that this mp does not know.") from None

    def _request(
        self,
        method: str,
        path: str,
        body: object = None,
        query: dict[str, Any] | None = None,
        *,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
        credential: str | None = None,
    ) -> bytes:
        """The answer's body. `body` is sent as JSON, `content` as it is; `credential` in place of the profile's."""
        self._refresh_when_due(path)
        headers = {"accept": "application/json", **(headers or {})}
        shown = self._profile.credential if credential is None else credential
        if shown:
            headers["authorization"] = f"Bearer {shown}"
        if method == "POST":
            headers["idempotency-key"] = str(uuid.uuid4())
        given = {name: value for name, value in (query or {}).items() if value is not None}
        request = self._http.build_request(method, path, json=body, content=content, params=given, headers=headers)
        status, answer = self._send(request)
        if status >= 300:
            raise refusal(status, answer, self._profile.url)
        return answer

    def _send(self, request: httpx.Request) -> tuple[int, bytes]:
        """Status and body of the first answer that does not falter, or of the last one."""
        deadline = time.monotonic() + self._timeout
        for pause in (*_PAUSES, None):
            try:
                status, content, asked_pause = self._send_once(request, deadline)
                lost = None
            except httpx.RequestError as error:
                lost, asked_pause = error, None
            if lost is None and status not in _FALTERING:
                return status, content
            wait = asked_pause or pause
            is_late = isinstance(lost, httpx.TimeoutException) or time.monotonic() + (wait or 0) > deadline
            if pause is None or wait is None or is_late:
                break
            time.sleep(wait)
        if lost is not None:
            raise unreachable(self._profile.url, lost, self._timeout) from None
        return status, content

    def _send_once(self, request: httpx.Request, deadline: float) -> tuple[int, bytes, float | None]:
        response = self._http.send(request, stream=True)
        try:
            return response.status_code, read_all(response, deadline), _retry_after(response)
        finally:
            response.close()

    def _refresh_when_due(self, path: str) -> None:
        expires_at = self._profile.expires_at
        if not self._profile.refresh_token or expires_at is None or path.startswith("/api/sessions/refresh"):
            return
        if expires_at - time.time() > _REFRESH_BEFORE_SECONDS:
            return
        with self._profiles.refreshing(self._profile) as kept:
            # Another mp may have refreshed while this one waited for the lock.
            if kept.credential == self._profile.credential:
                pair = self._ask(SessionView, "POST", "/api/sessions/refresh", {"refresh_token": kept.refresh_token})
                kept = with_session(kept, pair)
                self._profiles.keep(kept, use=False)
            self._profile = kept


def with_session(profile: Profile, pair: SessionView) -> Profile:
    """The profile with a new pair of tokens."""
    return Profile(
        name=profile.name,
        url=profile.url,
        gateway=profile.gateway,
        credential=pair.access_token,
        refresh_token=pair.refresh_token,
        expires_at=pair.access_expires_at.timestamp(),
    )


def read_all(response: httpx.Response, deadline: float) -> bytes:
    """The whole body, until `deadline` (monotonic seconds), not too large. Raises `MpError` or httpx errors."""
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > _MAX_ANSWER_BYTES:
            raise _unusable(f"The answer has more than {_MAX_ANSWER_BYTES // 2**20} MiB.")
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer took too long", request=response.request)
    return bytes(content)


def refusal(status: int, content: bytes, url: str) -> MpError:
    """What a status of 300 or more means. Understands problem+json and the error shapes of OpenAI and Anthropic."""
    try:
        told = json.loads(content)
    except ValueError:
        told = None
    if isinstance(told, dict) and isinstance(told.get("error"), dict):
        inner = told["error"]
        told = {"detail": inner.get("message"), "code": inner.get("code") or inner.get("type"), "error": inner}
    if not isinstance(told, dict) or not isinstance(told.get("detail"), str):
        raise _unusable(f"{url} answered {status} and not as a marketplace does.")
    own, remedy = told.get("fix"), REMEDIES.get(str(told.get("code")))
    if status == 401:
        return MpError(told["detail"], remedy or "Log in with `mp login --token -`.", Exit.NOT_LOGGED_IN, told)
    return MpError(told["detail"], remedy or (own if isinstance(own, str) else ""), Exit.REFUSED, told)


def unreachable(url: str, error: httpx.RequestError, timeout: float) -> MpError:
    """No whole answer came."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return MpError(
            f"{url} cannot be reached: {error}.",
            "Start a marketplace with `mercato up`, or name another with `mp login --url`.",
            Exit.UNREACHABLE,
        )
    if isinstance(error, httpx.TimeoutException):
        return MpError(
            f"{url} did not answer in {timeout:g} s.", "Try again, or with a longer --timeout.", Exit.UNREACHABLE
        )
    return MpError(f"{url} broke off its answer: {error}.", "Try again.", Exit.UNREACHABLE)


def _unusable(text: str) -> MpError:
    return MpError(text, "Check the address with `mp whoami`, or log in with `mp login --url`.", Exit.UNREACHABLE)


def _retry_after(response: httpx.Response) -> float | None:
    given = response.headers.get("retry-after", "")
    return float(given) if given.isdecimal() and len(given) < 6 else None


def _canaries(vendor: str, name: str) -> str:
    return f"/api/services/{_part(vendor)}/{_part(name)}/canaries"


def _part(text: str) -> str:
    """One segment of a path."""
    return quote(text, safe="")
