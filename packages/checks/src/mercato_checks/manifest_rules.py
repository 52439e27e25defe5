"""What must hold between the fields of a manifest."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from mercato_checks.codes import found
from mercato_checks.findings import Finding
from mercato_checks.semver import NotSemVer, Version
from mercato_contracts.manifest import Endpoint, PlanLimit, PlanManifest, Price, RateLimit, ServiceManifest

_FREE_WORDS = frozenset({"free", "gratis", "kostenlos", "gratuit"})
_MAY_BE_FREE = _FREE_WORDS | {"trial", "demo", "community", "try"}
_WINDOW_SECONDS = {"ever": 0, "second": 1, "minute": 60, "day": 86_400, "month": 31 * 86_400}
_TOKEN_PROTOCOLS = ("openai", "anthropic")
_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})

_NO_CREDENTIALS = frozenset(
    {
        "host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "http2-settings",
        "range", "date", "via", "forwarded", "cookie", "set-cookie", "user-agent", "x-request-id", "x-real-ip",
        "true-client-ip", "cf-connecting-ip", "x-http-method", "x-http-method-override", "x-method-override",
        "x-original-method", "x-original-url", "x-rewrite-url",
    }
)  # fmt: skip
_NO_CREDENTIALS_BEGIN = ("content-", "accept", "proxy-", "if-", "sec-", "x-forwarded-", "x-mercato-")
"""Fields (and how fields begin) that frame a message, belong to one connection, or mean something else."""


def check_rules(manifest: ServiceManifest) -> list[Finding]:
    """All findings of the cross-checks."""
    findings = [*_version(manifest), *_endpoint(manifest), *_document_path(manifest)]
    findings += [*_licence(manifest), *_words(manifest)]
    for index, plan in enumerate(manifest.plans):
        findings += _plan(plan, f"plans.{index}", counts_tokens=manifest.protocol in _TOKEN_PROTOCOLS)
    return findings


def _version(manifest: ServiceManifest) -> Iterator[Finding]:
    """What the pattern of the field lets pass: numbers beyond all, and digits of other scripts."""
    try:
        Version.parse(manifest.version)
    except NotSemVer as error:
        yield found("version_not_semver", "version", f"{error}.")


def _endpoint(manifest: ServiceManifest) -> Iterator[Finding]:
    url = manifest.endpoint.url
    where = "endpoint.url"
    if url.username or url.password:
        yield found("manifest_endpoint_userinfo", where, "The address carries a user or a password.")
    if url.fragment is not None:
        yield found("manifest_endpoint_fragment", where, "The address has a fragment.")
    if url.query is not None:
        yield found("manifest_endpoint_query", where, "The address has a query.")
    if url.scheme == "http" and url.host not in _LOOPBACK_HOSTS:
        yield found("manifest_endpoint_plain", where, "Calls and answers would cross the network unencrypted.")
    if manifest.protocol in _TOKEN_PROTOCOLS and not (url.path or "").rstrip("/").endswith("/v1"):
        yield found("manifest_endpoint_base", where, f"This {manifest.protocol} base does not end in /v1.")
    if manifest.protocol not in _TOKEN_PROTOCOLS and manifest.endpoint.model:
        yield found("manifest_endpoint_model_unused", "endpoint.model", f"{manifest.protocol} calls carry no model.")
    if "limits" not in manifest.endpoint.model_fields_set:
        rate = manifest.endpoint.limits[0]
        message = f"All callers together get {rate.amount} {rate.unit} a {rate.per}, as `endpoint.limits` is not given."
        yield found("manifest_limit_default", "endpoint.limits", message)
    yield from _limits(manifest.endpoint.limits, "endpoint")
    yield from _credential(manifest.endpoint)


def _credential(endpoint: Endpoint) -> Iterator[Finding]:
    credential = endpoint.credential
    if credential is None:
        return
    # Servers that hand fields on as variables (CGI, WSGI) cannot tell `_` from `-`.
    name = credential.header.lower().replace("_", "-")
    if name in _NO_CREDENTIALS or name.startswith(_NO_CREDENTIALS_BEGIN):
        message = f"`{credential.header}` frames the message, belongs to one connection, or is set by the gateway."
        yield found("manifest_credential_header", "endpoint.credential.header", message)
    if endpoint.url.scheme == "http" and endpoint.url.host not in _LOOPBACK_HOSTS:
        yield found("manifest_credential_plain", "endpoint.url", "The endpoint is http, and a credential goes there.")


def _document_path(manifest: ServiceManifest) -> Iterator[Finding]:
    if manifest.openapi is None:
        return
    path = PurePosixPath(manifest.openapi)
    parts = urlsplit(manifest.openapi)
    if parts.scheme or parts.netloc or path.is_absolute() or ".." in path.parts or "\\" in manifest.openapi:
        yield found("manifest_openapi_path", "openapi", "The path must be relative and stay beside the manifest.")


def _licence(manifest: ServiceManifest) -> Iterator[Finding]:
    if manifest.licence.lower() == "proprietary":
        return
    try:
        canonicalize_license_expression(manifest.licence)
    except InvalidLicenseExpression:
        yield found("manifest_licence_unknown", "licence", f"`{manifest.licence}` is not an SPDX expression.")


def _words(manifest: ServiceManifest) -> Iterator[Finding]:
    if (manifest.protocol == "signal") != (manifest.task == "signals"):
        yield found("manifest_task_protocol", "task", f"Task {manifest.task} does not go with {manifest.protocol}.")
    for field in ("tags", "regions", "modalities", "inputs", "outputs"):
        for value, count in Counter(getattr(manifest, field)).items():
            if count > 1:
                yield found("manifest_repeated_value", field, f"`{value}` is named {count} times.")


def _plan(plan: PlanManifest, where: str, *, counts_tokens: bool) -> Iterator[Finding]:
    yield from _price(plan, where)
    yield from _included(plan, where)
    yield from _limits(plan.limits, where)
    if not counts_tokens:
        yield from _no_tokens(plan, where)


def _is_free(price: Price) -> bool:
    return price.nanos("monthly") == 0 and not _per_use(price)


def _per_use(price: Price) -> bool:
    return price.nanos("per_call") > 0 or _per_token(price)


def _per_token(price: Price) -> bool:
    return price.nanos("per_1k_input_tokens") > 0 or price.nanos("per_1k_output_tokens") > 0


def _price(plan: PlanManifest, where: str) -> Iterator[Finding]:
    words = set(f"{plan.name}-{plan.title.lower().replace(' ', '-')}".split("-"))
    if words & _FREE_WORDS and not _is_free(plan.price):
        yield found("manifest_free_but_priced", f"{where}.price", f"Plan `{plan.name}` is called free and has a price.")
    if not words & _MAY_BE_FREE and _is_free(plan.price):
        yield found("manifest_plan_unpriced", f"{where}.price", f"Plan `{plan.name}` costs nothing.")


def _included(plan: PlanManifest, where: str) -> Iterator[Finding]:
    included, price = plan.included, plan.price
    if included is None:
        return
    where = f"{where}.included"
    if included.amount == 0:
        yield found("manifest_included_nothing", f"{where}.amount", "0 units are included.")
    if included.overage and not _per_use(price) and not _is_free(price):
        yield found("manifest_overage_unpriced", f"{where}.overage", "Beyond the included amount calls cost nothing.")
    if included.unit == "tokens" and price.nanos("per_call") > 0 and not _per_token(price):
        yield found("manifest_included_mismatch", f"{where}.unit", "Tokens are included, yet each call is priced.")


def _limits(limits: Sequence[RateLimit], where: str) -> Iterator[Finding]:
    seen: dict[tuple[str, str, str], int] = {}
    for index, limit in enumerate(limits):
        here = f"{where}.limits.{index}"
        across = limit.across if isinstance(limit, PlanLimit) else ""
        if (across, limit.unit, limit.per) in seen:
            yield found("manifest_limit_repeated", here, f"{_kind(limit)} are limited twice.")
        seen[across, limit.unit, limit.per] = limit.amount
        if limit.burst is not None and limit.per in ("day", "month", "ever"):
            yield found("manifest_limit_burst", f"{here}.burst", f"A limit of {_kind(limit)} has no burst.")
    yield from _contradictions(seen, where)


def _kind(limit: RateLimit) -> str:
    return "concurrent calls" if limit.unit == "concurrent" else f"{limit.unit} per {limit.per}"


def _contradictions(caps: dict[tuple[str, str, str], int], where: str) -> Iterator[Finding]:
    """A cap that a longer window's smaller cap makes unreachable even once."""
    for (across, unit, short), amount in caps.items():
        for (*other, long), whole in caps.items():
            if [across, unit] == other and _WINDOW_SECONDS[short] < _WINDOW_SECONDS[long] and whole < amount:
                message = f"{amount} {unit} per {short} can never be used under {whole} per {long}."
                yield found("manifest_limit_contradiction", f"{where}.limits", message)


def _no_tokens(plan: PlanManifest, where: str) -> Iterator[Finding]:
    for component in ("per_1k_input_tokens", "per_1k_output_tokens"):
        if plan.price.nanos(component) > 0:
            yield found(
                "manifest_tokens_unmeasured", f"{where}.price.{component}", "Calls here have no tokens to price."
            )
    if plan.included is not None and plan.included.unit == "tokens":
        yield found("manifest_tokens_unmeasured", f"{where}.included.unit", "Calls here have no tokens to include.")
    for index, limit in enumerate(plan.limits):
        if limit.unit == "tokens":
            yield found(
                "manifest_tokens_unmeasured", f"{where}.limits.{index}.unit", "Calls here have no tokens to limit."
            )
