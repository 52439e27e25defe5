"""Values that examples are made of: what a field of this name holds, in a marketplace where acme sells an embedder."""

from typing import Any

from mercato_contracts import ids

_HEX = "0193c4a1b2c37d4e8f90a1b2c3d4e5f6"
_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_AT = "2026-11-02T09:00:00Z"
_SIGNATURE = "kM4v" * 21 + "kA=="

MANIFEST = """\
mercato: 1
name: embedder
version: 1.2.0
title: Embedder
summary: Embeddings for legal text.
protocol: openai
task: embeddings
endpoint: {url: "https://embedder.acme.example/v1"}
plans: [{name: standard, price: {per_call: 0.001}}]
licence: Apache-2.0
"""


def _id(prefix: str) -> str:
    return f"{prefix}_{_HEX}"


IDS: dict[str, str] = {
    "AccountView": "consumer:" + _id(ids.ORGANISATION) + ":USD",
    "AdjustmentView": _id(ids.ADJUSTMENT),
    "AlertView": _id(ids.ALERT),
    "AuditActor": _id(ids.USER),
    "AuditCore": _id(ids.AUDIT_ENTRY),
    "AuditTarget": _id(ids.KEY),
    "CallDisputeView": _id(ids.CALL_DISPUTE),
    "CanaryView": _id(ids.CANARY),
    "CatalogModel": _id(ids.SERVICE),
    "DeploymentTokenView": _id(ids.KEY),
    "DeploymentView": _id(ids.DEPLOYMENT),
    "DisputeView": _id(ids.CALL_DISPUTE),
    "ErasureView": _id(ids.ERASURE),
    "EventAdjustmentView": _id(ids.ADJUSTMENT),
    "HoldView": _id(ids.LEGAL_HOLD),
    "InvoiceDetail": _id(ids.INVOICE),
    "InvoiceView": _id(ids.INVOICE),
    "KeyView": _id(ids.KEY),
    "KillSwitchView": _id(ids.KILL_SWITCH),
    "NewKeyAnswer": _id(ids.KEY),
    "NewScimTokenAnswer": _id(ids.KEY),
    "NewWebhookAnswer": _id(ids.WEBHOOK),
    "OrganisationView": _id(ids.ORGANISATION),
    "PayoutDetail": _id(ids.PAYOUT),
    "PayoutView": _id(ids.PAYOUT),
    "PersonExportView": _id(ids.PERSON_EXPORT),
    "PlanView": _id(ids.PLAN),
    "ReleaseView": _id(ids.RELEASE),
    "RoundDetail": _id(ids.ROUND),
    "RoundView": _id(ids.ROUND),
    "ScimTokenView": _id(ids.KEY),
    "ServiceAccountView": _id(ids.SERVICE_ACCOUNT),
    "ServiceView": _id(ids.SERVICE),
    "SubmissionSummary": _id(ids.SUBMISSION),
    "SubmissionView": _id(ids.SUBMISSION),
    "SubscriptionView": _id(ids.SUBSCRIPTION),
    "TrainingRun": _id(ids.TRAINING_RUN),
    "UsageEventView": _id(ids.USAGE_EVENT),
    "UserView": _id(ids.USER),
    "WaitingView": _id(ids.SUBMISSION),
    "WebhookDeliveryView": _id(ids.WEBHOOK_DELIVERY),
    "WebhookView": _id(ids.WEBHOOK),
}
"""The field `id`, by the schema that has it."""

ABSENT = frozenset(
    {
        "adjustment_id", "asked_service_id", "cancelled_at", "disabled_at", "ended_at", "ended_by", "error",
        "event_id", "failing_since", "lifted_at", "lifted_by", "nanos", "next_at", "resolved_at", "revoked_at",
        "rotated_to", "corrected", "canary", "stable", "exit_code", "reasons", "gpu", "next", "decided_at",
    }
)  # fmt: skip
"""Fields that are `null` more often than not."""

BY_TYPE: dict[tuple[str, str], Any] = {
    ("reasons", "array"): ["price_differs"],
    ("marks", "array"): [[0, 10]],
    ("key", "AuditHead"): _SIGNATURE,
    ("key", "RecordHead"): _SIGNATURE,
    ("key", "TreeHead"): _SIGNATURE,
    ("code", "StartTrainingRequest"): "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==",
    ("code", "FieldError"): "string_too_short",
    ("code", "FindingView"): "openapi_summary_missing",
    ("source", "UsageEventView"): "provider",
    ("operation", "UsageEventView"): "POST /v1/embeddings",
    ("name", "UserView"): "Ada",
    ("name", "NewUserRequest"): "Ada",
    ("name", "SignUpRequest"): "Acme GmbH",
    ("name", "OrganisationView"): "Acme GmbH",
    ("name", "KeyView"): "build server",
    ("name", "NewKeyRequest"): "build server",
    ("name", "NewKeyAnswer"): "build server",
    ("name", "NewServiceAccountRequest"): "deploy-bot",
    ("name", "ServiceAccountView"): "deploy-bot",
    ("rights", "NewServiceAccountRequest"): ["services:read", "services:publish"],
    ("rights", "ServiceAccountRights"): ["services:read"],
    ("rights", "ServiceAccountView"): ["services:publish", "services:read"],
    ("keys", "ServiceAccountView"): 2,
    ("name", "DatasetView"): "us-equities",
    ("name", "DatasetDetail"): "us-equities",
    ("name", "BuildRequest"): "us-equities",
    ("name", "ArtifactView"): "model.txt",
    ("name", "EvidenceView"): "openapi",
    ("name", "FileGrant"): "live.parquet",
    ("name", "RoundFileView"): "live.parquet",
    ("name", "CredentialView"): "embedder-token",
    ("name", "PlanView"): "standard",
    ("title", "PlanView"): "Standard",
    ("kind", "AccountView"): "consumer",
    ("words", "DisputeAnswerRequest"): "Our server cut the answer off; we give the charge back.",
    ("words", "DisputeRequest"): "The answer ended after 12 tokens.",
    ("words", "DisputeView"): "The answer ended after 12 tokens.",
    ("kind", "ArtifactView"): "lightgbm",
    ("kind", "AuditActor"): "user",
    ("type", "AuditTarget"): "key",
    ("details", "AuditEntry"): None,
    ("round", "TrainingSpec"): _id(ids.ROUND),
    ("path", "OperationView"): "/embeddings",
    ("url", "FileGrant"): "https://market.example/api/objects/rounds/live.parquet?expires=1793610900&signature="
    + _DIGEST,
    ("url", "DeploymentView"): "https://embedder.acme.example/v1",
    ("text", "LogPage"): '{"step": 10, "metrics": {"loss": 0.41}}\n',
    ("next", "LogPage"): 39,
    ("version", "SourceView"): "0.20.1",
    ("file", "SourceView"): "sp500_dataset.csv.gz",
    ("group", "UsageSumView"): "2026-11-02",
    ("month", "Cohort"): "2026-11-01",
    ("month", "FunnelMonth"): "2026-11-01",
    ("month", "MonthTaken"): "2026-11-01",
    ("protocol", "UsageEventView"): "openai",
    ("spec", "ConsensusInferenceResponse"): "consensus-inference-response/1",
    ("services", "KeyHoldRequest"): [],
    ("services", "NewKeyRequest"): [],
    ("organisation", "OrganisationChoice"): "acme",
    ("environment", "TrainingRun"): {"python": "3.11.9"},
}
"""Fields whose meaning depends on where they stand."""

BY_NAME: dict[str, Any] = {
    "authorization_url": "https://login.acme.example/authorize?client_id=mercato&state=5f0a",
    "addresses": ["203.0.113.0/24"],
    "domains": ["acme.example"],
    "issuer": "https://login.acme.example",
    "redirect_uri": "https://mercato.example/sso/callback",
    "access_token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c3JfMDE5MyJ9.c2lnbmF0dXJl",
    "actor": _id(ids.USER), "adjusted_nanos": 0, "amount": 1000, "amount_nanos": 1_000_000, "availability_bp": 9990,
    "bad": 12, "balance_nanos": 0, "best_single": _id(ids.DEPLOYMENT), "budget_bp": 10, "budget_left_bp": 8200,
    "burn_hundredths": 1440, "burst": 100, "by": _id(ids.USER), "bytes": 48_213, "bytes_in": 412, "bytes_out": 6120,
    "call_id": _id(ids.USAGE_EVENT), "calls": 1240, "cap": 25_000_000_000,
    "card": "# US equities\n\nDaily features of 20 stocks.",
    "changed_by": _id(ids.USER), "claimed_nanos": 2_000_000, "client_id": _id(ids.KEY), "confirmation": "",
    "consumer_id": _id(ids.ORGANISATION), "context_window": 8192, "cost_nanos": 120_000_000, "count": 3,
    "created_by": _id(ids.USER), "currency": "USD", "dataset": "us-equities", "deployment": _id(ids.DEPLOYMENT),
    "deployment_id": _id(ids.DEPLOYMENT), "description": "Embeddings for contracts and judgments.",
    "detail": "The ledger has 1,239 calls.", "digest": _DIGEST,
    "device_code": "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS", "at": _AT, "deprecated": False, "explain": False,
    "kind": "calls_missing", "fallbacks": ["acme/embedder-small"], "positions": {"AAPL": 1200},
    "monthly": 0, "monthly_nanos": 0, "per_1k_input_tokens": 0, "per_1k_input_nanos": 0, "per_1k_output_tokens": 0,
    "per_1k_output_nanos": 0, "per_call": 1_000_000, "equal_weight": {"AAPL": 0.42}, "scores": {"AAPL": 0.42},
    "disabled_reason": "", "duration_us": 84_000, "email": "ada@acme.example", "ended_by": "", "entries": 4096,
    "entry": _id(ids.SIGNAL), "era": 412, "eras": 240, "error": "", "event_id": _id(ids.USAGE_EVENT),
    "event_type": "alert.opened", "event_types": ["alert.opened"], "exp": 1_793_610_900, "expected": 1240,
    "expires_in": 900, "failed": 3, "fee_nanos": 100_000, "field": "plans.0.price.per_call", "fingerprint": "9f86d081",
    "first_byte_us": 61_000, "first_day": "2015-01-02", "first_era": 401, "fix": "Give the operation a summary.",
    "found": 1239, "gateway": "gateway-1", "gave": "adjusted closes of 20 US stocks", "gross_nanos": 1_000_000,
    "held": 1_000_000, "horizon_days": 20, "iat": 1_793_607_300, "included": 0, "interval": 5, "interval_seconds": 60,
    "item": "calls", "issued_at": "2026-12-01T00:00:00Z", "job": "job-7f3a", "key": "ck_…", "key_id": _id(ids.KEY),
    "lag_days": 1, "last_day": "2026-10-30", "last_era": 412, "latest_version": "1.2.0", "left": 24_000_000_000,
    "licence": "Apache-2.0", "live_eras": 24, "manifest": MANIFEST, "max_cost_nanos": 5_000_000_000, "memory_mib": 512,
    "message": "The operation has no summary.", "message_id": _id(ids.WEBHOOK_MESSAGE), "method": "POST",
    "modality": "text", "modality_in": "text", "modality_out": "vectors",
    "modalities": ["text"], "month": "2026-11", "name": "embedder", "names": ["AAPL", "MSFT"], "nanos": 1_000_000,
    "nanos_per_hour": 400_000_000, "net_nanos": 900_000, "number": 12, "offset": 0, "openapi": '{"openapi": "3.1.0"}',
    "operation_id": "embed", "organisation": "acme", "organisation_id": _id(ids.ORGANISATION), "origin": "operator",
    "overhead_us": 210, "p95_latency_ms": 300, "p95_ms": 120, "p95_us": 118_000, "package": "skfolio",
    "code": "123456", "current": "a heron at the weir", "new": "staple correct battery",
    "password": "a heron at the weir", "per_call_nanos": 1_000_000, "period": "2026-11",
    "permissions": ["usage:read"],
    "person": _id(ids.USER), "phase": 3, "place": 4095, "plan": "standard", "plan_id": _id(ids.PLAN),
    "plans": ["standard"], "posted_nanos": 1_000_000, "price_nanos": 1_000_000, "protocol": "openai",
    "public_key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "rank": 1, "reason": "The embedder missed its target.",
    "record": 310, "reference": "ticket-4711", "refresh_token": "2b1f0c…", "regions": ["eu"],
    "release_id": _id(ids.RELEASE), "request_id": _id(ids.REQUEST), "requests": 1, "required_people": 1,
    "root": _DIGEST, "round": _id(ids.ROUND), "rounds": 12, "rows": 240, "rule": "first-release",
    "scope": "usage:read", "scopes": ["usage:read"], "score": 0.87, "secret": "whsec_…", "sector": "technology",
    "sequence": 1_793_610_000_000, "service": "acme/embedder", "service_id": _id(ids.SERVICE), "set_by": _id(ids.USER),
    "sha256": _DIGEST, "signature": _SIGNATURE, "size": 4096, "slug": "acme", "source": "walk-forward, 2015 to 2025",
    "started_by": _id(ids.USER), "status": 200, "status_reason": "", "step": 10, "sub": _id(ids.ORGANISATION),
    "subject": _id(ids.DEPLOYMENT), "subject_key_id": _id(ids.KEY), "subscription_id": _id(ids.SUBSCRIPTION),
    "summary": "Embeddings for legal text.", "tags": ["legal"], "target": _id(ids.DEPLOYMENT), "task": "embeddings",
    "text": "Embeddings for legal text.", "title": "Embedder", "token_id": _id(ids.KEY), "tokens_cached": 0,
    "tokens_in": 103, "tokens_out": 0, "took_ms": 84, "total": 1, "total_nanos": 1_000_000, "train_last_era": 379,
    "url": "https://acme.example/hooks/mercato", "used": 1_000_000, "used_by": ["acme/embedder"],
    "user_code": "BCDF-GHJK", "value": "legal", "vendor": "acme", "vendor_id": _id(ids.ORGANISATION),
    "vendor_name": "Acme GmbH", "verb": "key.changed", "salt": _HEX, "actor_name": "Ada", "target_name": "build server",
    "authenticated": "session",
    "credential": _id(ids.SESSION), "address": "192.0.2.0/24", "before": None, "after": None, "on_behalf_of": "",
    "sealed": '{"actor":{"id":"…"},"version":1}', "verification_uri": "https://market.example/device",
    "verification_uri_complete": "https://market.example/device?user_code=BCDF-GHJK", "version": "1.2.0",
    "weight": 250_000_000, "what": "kill.thrown", "where": "/paths/~1embeddings/post", "why": "", "window": "month",
    "code_sha256": _DIGEST, "data_sha256": _DIGEST, "panel_sha256": _DIGEST, "scores_sha256": _DIGEST,
    "document_digest": _DIGEST, "metrics": {"loss": 0.41}, "facts": {}, "payload": {"type": "alert.opened"},
    "features": ["momentum_20"], "environment": {"python": "3.11"}, "listed_at": _AT, "aud": None,
    "live_mean_ic": 0.021, "live_deviation": 0.09, "mean_ic": 0.03, "deviation": 0.1, "z": -0.44, "rank_ic": 0.021,
    "contribution": 0.004, "uniqueness": 0.6, "turnover": 0.2, "churn": 0.1, "deflated_sharpe": 0.8, "risk": 0.012,
    "similarity": 0.71, "effective_models": 3.2, "facets": {"task": [{"value": "embeddings", "count": 3}]},
    "open_round": 12, "status_at": _AT,
}  # fmt: skip
"""Fields that mean the same wherever they stand."""

BY_FORM = {
    "date-time": _AT,
    "date": "2026-11-02",
    "^[0-9a-f]{64}$": _DIGEST,
    "^dep_[0-9a-f]{32}$": _id(ids.DEPLOYMENT),
    "^rnd_[0-9a-f]{32}$": _id(ids.ROUND),
}
"""Fields of a format, or of a pattern, that no name tells."""
