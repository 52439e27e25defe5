"""What each parameter means, with an example; a name means the same everywhere, unless an operation says otherwise."""

import json
from typing import Any

PARAMETERS: dict[str, tuple[str, Any]] = {
    "after": ("`next` of the page before; left out, the first page", None),
    "before": ("`next` of the page before; left out, the first page", None),
    "limit": ("How many items a page has at most", 50),
    "cursor": ("`next` of the page before", None),
    "currency": ("The currency of `max_price_per_call`", "USD"),
    "calls": ("Calls of a month that are answered", 10_000),
    "tokens_in": ("Their tokens in", 2_000_000),
    "tokens_out": ("Their tokens out", 500_000),
    "client_left": ("Only calls whose caller left, or did not, before the answer ended", None),
    "compare": ("Whether as many steps just before stand beside each", False),
    "duration_above_us": ("Only calls that took longer, in microseconds", 1_000_000),
    "error": ("Only calls that a limit of this code ended, or whose counts are doubted for it", None),
    "failed": ("Only calls of status 400 and above", False),
    "fallback": ("Only calls that another service answered than was named, or only the others", None),
    "forecast": ("Whether to say what the period comes to", False),
    "format": ("CSV, or one JSON object a line", "csv"),
    "gateway": ("Only calls through this gateway", None),
    "metric": ("The figures wanted", ["calls", "charged_nanos"]),
    "operation": ("Only calls of this operation", "POST /v1/embeddings"),
    "price_above_nanos": ("Only calls that cost more, in nano-units", None),
    "status": ("Only calls of this status", None),
    "status_class": ("Only calls whose status begins with this digit", None),
    "step": ("How long each step is, as people count it in the time zone", "day"),
    "streamed": ("Only streamed calls, or only the others", None),
    "top": ("How many series at most, the largest by the first metric", 20),
    "zone": ("An IANA time zone", "Asia/Kolkata"),
    "deployment_id": ("The deployment's id", "dep_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    "delivery_id": ("The delivery's id", "dlv_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    "entry_id": ("The entry's id, from its receipt", "sig_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    "everyone": ("Those of all organisations; operators only", False),
    "expires": ("When the link ends, in seconds since 1970; part of the signed link", "1793610900"),
    "explain": ("Whether each hit says why it was found", False),
    "file": ("The file's name, as the round lists it", "live.parquet"),
    "first": ("The size of the earlier state, in entries", 64),
    "group_by": ("What each row adds up", "day"),
    "if-none-match": ("The `ETag` of an earlier answer", '"9f86d081884c7d659a2feaa0c55ad015"'),
    "if-range": ("The `ETag` of the part that was read before; another version is sent whole", None),
    "range": ("Which bytes to send", "bytes=0-1023"),
    "invoice_id": ("The invoice's id", "inv_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    "key": ("The file's place in the store, as the signed link names it", "rounds/rnd_0193c4a1/live.parquet"),
    "key_id": ("The key's id", "key_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    "licence": ("Only services under one of these licences (SPDX)", ["Apache-2.0"]),
    "max_price_per_call": ("At most this price of one more call, in nano-units", 1_000_000),
    "mercato-signature": ("The deployment's signature over the exact bytes of the body", "ed25519=" + "A" * 86 + "=="),
    "modality": ("Only services that take or give one of these", ["text"]),
    "name": ("The service's name", "embedder"),
    "number": ("The round's number, or `current` for the open one", "current"),
    "only_open": ("Only alerts that have not been resolved", True),
    "payout_id": ("The payout's id", "pay_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    "period": ("A calendar month in UTC", "2026-11"),
    "place": ("The provider that runs the job; part of the signed link", "runpod"),
    "protocol": ("Only services that speak one of these", ["openai"]),
    "q": ("Plain words; empty lists the newest first", "embeddings for legal text"),
    "region": ("Only services that run in one of these", ["eu"]),
    "request_id": (
        "Only the calls of this request, by the gateway's `x-request-id`",
        "req_0193c4a1b2c37d4e8f90a1b2c3d4e5f6",
    ),
    "round": ("Only entries of this round", "rnd_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    "round_id": ("The round's id", "rnd_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    "run_id": ("The run's id", "trn_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    "scope": ("The budget's scope, as the list names it", "budget:org_0193c4a1b2c37d4e8f90a1b2c3d4e5f6:money:month"),
    "second": ("The size of the later state; left out, the newest", 128),
    "service": ("The service's name", "embedder"),
    "service_id": ("Only calls of this service", "svc_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    "side": ("Whether to look as the one who calls, the one who is called, or as the operator", "consumer"),
    "signature": ("The signed link's signature", "0" * 64),
    "since": ("From this moment on", "2026-11-01T00:00:00Z"),
    "slug": ("The organisation's name in addresses", "acme"),
    "state": ("Only rounds in this state", "open"),
    "subject": ("Only lines about this deployment, vendor or round", "dep_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    "submission_id": ("The submission's id", "sbm_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    "subscription_id": ("The subscription's id", "sub_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    "switch_id": ("The kill switch's id", "kil_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    "tag": ("Only services with one of these tags", ["legal"]),
    "task": ("Only services for one of these tasks", ["embeddings"]),
    "thrown": ("Only switches that are still thrown", True),
    "token_id": ("The token's id", "key_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    "until": ("Before this moment", "2026-12-01T00:00:00Z"),
    "vendor": ("The vendor's name in addresses", "acme"),
    "version": ("The release's version", "1.2.0"),
    "wait": ("Seconds to wait for something new", 20),
    "webhook_id": ("The webhook's id", "whk_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
}

_OF_OPERATION: dict[tuple[str, str], tuple[str, Any]] = {
    ("list_workflows", "state"): ("Only workflows in this state", "failed"),
    ("list_organisations", "state"): ("Only organisations in this state", "suspended"),
    ("put_credential", "name"): ("The credential's name, as manifests refer to it", "embedder-token"),
    ("remove_credential", "name"): ("The credential's name, as manifests refer to it", "embedder-token"),
    ("get_dataset", "name"): ("The dataset's name", "us-equities"),
    ("list_rounds", "name"): ("The dataset's name", "us-equities"),
    ("open_round", "name"): ("The dataset's name", "us-equities"),
    ("get_round_by_number", "name"): ("The dataset's name", "us-equities"),
    ("get_training_artifact", "name"): ("The file's name, as the run lists it", "model.txt"),
    ("search_services", "vendor"): ("Only services of one of these vendors", ["acme"]),
    ("read_training_log", "after"): ("`next` of the answer before: how many bytes were read", 0),
    ("list_signals", "before"): ("`next` of the page before: an entry's place in the log", 4096),
    ("read_record", "before"): ("`next` of the page before: a line's number", 4096),
    ("list_rounds", "after"): ("`next` of the page before: a round's number", "12"),
    ("get_reconciliation", "since"): ("The first day", "2026-11-01"),
    ("get_reconciliation", "until"): ("The day after the last", "2026-11-08"),
    ("read_usage_series", "protocol"): ("Only calls in this protocol", "openai"),
    ("read_usage_series", "group_by"): ("What each series shares: none, one or two of these", ["service", "key"]),
    ("list_calls", "after"): ("`next` of the page before, with the same filters", None),
    ("list_calls", "request_id"): ("Only the calls of this request", "req_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    ("list_calls", "deployment_id"): ("Only calls that this deployment answered", None),
    ("read_statement", "since"): ("The first day", "2026-11-01"),
    ("read_statement", "until"): ("The day after the last", "2026-12-01"),
    ("read_catalog", "after"): ("`next` of the page before", "svc_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"),
    ("search_services", "limit"): ("How many hits a page has at most", 20),
}


def _fallback(name: str) -> str:
    words = name.removesuffix("_id").replace("_", " ")
    return f"The {words}'s id" if name.endswith("_id") else words.capitalize()


def describe_parameters(operation: dict[str, Any]) -> None:
    """Give every parameter a description and, where one fits, an example."""
    for parameter in operation.get("parameters", ()):
        name = parameter["name"]
        known = _OF_OPERATION.get((operation["operationId"], name)) or PARAMETERS.get(name.lower())
        description, example = known or (_fallback(name), None)
        if isinstance(example, str) and '"date"' in json.dumps(parameter["schema"]):
            example = example[:10]
        parameter.setdefault("description", description)
        if example is not None:
            parameter.setdefault("example", example)
