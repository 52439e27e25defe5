"""The parts of one process, put together from its settings."""

from datetime import timedelta
from functools import partial

from mercato.admin import NoticeBoard
from mercato.app.engines import (
    build_counters,
    build_embedder,
    build_mail,
    build_objects,
    build_providers,
    build_ring_file,
    build_shared_index,
    build_workflow_records,
)
from mercato.app.settings import Settings
from mercato.app.shown_settings import shown_settings
from mercato.edge.addresses import TrustedProxies
from mercato.edge.idempotency import AnswerCipher
from mercato.edge.wiring import Wiring
from mercato.identity import (
    AccessTokens,
    FactorSeal,
    IssuerAddresses,
    KeyProof,
    KnownDevices,
    LinkTokens,
    OpenIdConnect,
    PasswordProof,
    ProvenKeys,
    SecretHasher,
    SsoSecrets,
)
from mercato.platform import Clock, Database, HeadKey, MarketplaceSecret, Outbox, Purpose, SystemClock, SystemIds
from mercato.publishing import PRIVATE, CredentialSeal
from mercato.signals import LiveRounds
from mercato.training import ClaimLinks
from mercato.webhooks import SecretSeal, WebhookAddresses

_GATEWAY_CONNECTIONS = 8
"""And as many more when all are in use: gates let 12 of gateways' questions in at once (`consumption/gates.py`)."""


def build_wiring(settings: Settings, database_url: str, clock: Clock | None = None) -> Wiring:
    """The parts of one process. Neither the database nor another engine need be up yet."""
    clock = clock or SystemClock()
    ring_file = build_ring_file(settings)
    secret, ids = MarketplaceSecret(ring_file.read(), clock), SystemIds(clock)
    database = Database(database_url, pooled_url=settings.pooled_url)
    gateway_database = Database(database_url, pooled_url=settings.pooled_url, pool_size=_GATEWAY_CONNECTIONS)
    hasher, proven, known_devices = SecretHasher(), ProvenKeys(), KnownDevices(secret)
    store, claims = build_objects(settings, clock, secret), ClaimLinks(secret, settings.client_url, clock)
    counters_of, close_engines = build_counters(settings, clock, ids)
    return Wiring(
        database=database, gateway_database=gateway_database, clock=clock, ids=ids, outbox=Outbox(clock),
        workflow_records=build_workflow_records(settings, database),
        notices=NoticeBoard(database, clock), shown_settings=shown_settings(settings),
        hasher=hasher, tokens=AccessTokens(secret), proven=proven,
        key_proof=KeyProof(database, hasher, proven),
        gateway_key_proof=KeyProof(gateway_database, SecretHasher(threads=1), proven),
        password_proof=PasswordProof(database, clock, hasher, known_devices),
        known_devices=known_devices,
        open_id=OpenIdConnect(clock, IssuerAddresses(PRIVATE if settings.allow_private_endpoints else ())),
        sso_secrets=SsoSecrets(secret), factor_seal=FactorSeal(secret), mail=build_mail(settings, clock),
        invitation_links=LinkTokens(secret, Purpose.INVITATION_LINK),
        reset_links=LinkTokens(secret, Purpose.PASSWORD_RESET_LINK),
        cipher=AnswerCipher(secret), gateway_token=settings.gateway_token,
        webhook_seal=SecretSeal(secret), credential_seal=CredentialSeal(secret),
        webhook_addresses=WebhookAddresses(allow_private=settings.allow_private_endpoints),
        counters_of=counters_of, close_engines=close_engines, objects=store, data_key=settings.data_key,
        client_url=settings.client_url,
        gateway_url=None if settings.gateway_public_url is None else settings.gateway_public_url.rstrip("/"),
        gateway_port=settings.gateway_port, gateway_cert=settings.tls_cert, gateway_ca=settings.gateway_ca,
        proxies=TrustedProxies(settings.trusted_proxies),
        cors_origins=tuple(filter(None, settings.cors_origins.split(","))),
        log_key=HeadKey(secret), follow_secret=partial(ring_file.follow, secret), live_rounds=LiveRounds(store),
        providers=build_providers(settings, store, claims), claims=claims,
        take_rate_bp=settings.take_rate_bp,
        approval_target=timedelta(hours=settings.approval_target_hours),
        sample_data=settings.sample_data, site=settings.site, has_bus=settings.events_url is not None,
        build_embedder=partial(build_embedder, settings),
        shared_index=build_shared_index(settings), search_folder=settings.state / "search",
    )  # fmt: skip
