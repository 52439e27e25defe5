"""Settings that are only read later, looked at before anything starts: what is wrong is one sentence, no traceback."""

import importlib.util
from pathlib import Path

import click

from mercato.app.settings import Settings


def require_usable(settings: Settings) -> None:
    """Raises `ClickException`, which names the setting, where a process with these settings would end by itself."""
    for check in (_bus, _search, _registry, _policy, _workflows, _site, _tls):
        if problem := check(settings):
            raise click.ClickException(problem)


def _bus(settings: Settings) -> str | None:
    if settings.events_url is None or settings.events_url.get_secret_value() == "file":
        return None
    if importlib.util.find_spec("confluent_kafka") is None:
        return "MERCATO_EVENTS_URL names Kafka, whose client is missing: install mercato-server[kafka] here."
    return None


def _search(settings: Settings) -> str | None:
    return _authority("MERCATO_SEARCH_CA", settings.search_ca)


def _registry(settings: Settings) -> str | None:
    if settings.mlflow_url is None and settings.mlflow_token is not None:
        return "MERCATO_MLFLOW_TOKEN is set and MERCATO_MLFLOW_URL is not: set both, or unset the token."
    return _authority("MERCATO_MLFLOW_CA", settings.mlflow_ca)


def _authority(name: str, file: Path | None) -> str | None:
    if file is None:
        return None
    import ssl

    try:
        ssl.create_default_context(cafile=str(file))
    except (OSError, ssl.SSLError) as error:
        return f"{name} {file} has no usable certificates: {error}"
    return None


def _policy(settings: Settings) -> str | None:
    if settings.policy_url is not None:
        return _policy_engine(settings)
    if settings.policy_file is None:
        return None
    # Only where there are rules of the operator's own: Cedar takes memory that other processes need not hold.
    from mercato.adapters.policy_cedar import CedarPolicy
    from mercato.publishing import BrokenPolicy

    try:
        CedarPolicy(settings.policy_file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        return f"MERCATO_POLICY_FILE {settings.policy_file} cannot be read: {error}"
    except BrokenPolicy as error:
        return f"MERCATO_POLICY_FILE {settings.policy_file} has no usable rules: {error}"
    return None


def _policy_engine(settings: Settings) -> str | None:
    if settings.policy_file is not None:
        return "MERCATO_POLICY_URL and MERCATO_POLICY_FILE are both set: one of them decides, so unset the other."
    if importlib.util.find_spec("grpc") is None:
        return "MERCATO_POLICY_URL names an engine over gRPC, whose client is missing: install mercato-server[policy]."
    if settings.policy_ca is not None and not settings.policy_ca.is_file():
        return f"MERCATO_POLICY_CA {settings.policy_ca} is no file."
    return None


def _workflows(settings: Settings) -> str | None:
    place = settings.temporal
    if place is None:
        return None
    if importlib.util.find_spec("temporalio") is None:
        return "MERCATO_WORKFLOWS_URL names Temporal, whose client is missing: install mercato-server[temporal] here."
    for name, path in (("CA", place.ca), ("CERT", place.cert), ("KEY", place.key)):
        if path is not None and not path.is_file():
            return f"MERCATO_WORKFLOWS_{name} {path} is no file."
    return None


def _site(settings: Settings) -> str | None:
    if settings.site is None or (settings.site / "index.html").is_file():
        return None
    return f"MERCATO_SITE {settings.site} has no index.html: run `make site`, or name the folder that it wrote."


def _tls(settings: Settings) -> str | None:
    if settings.tls_cert is None and settings.tls_key is None and settings.client_ca is None:
        return None
    from mercato_contracts.server_tls import TlsFilesWrong, server_tls

    try:
        server_tls(settings.tls_cert, settings.tls_key, settings.client_ca)
    except TlsFilesWrong as error:
        return f"MERCATO_TLS_CERT, MERCATO_TLS_KEY or MERCATO_CLIENT_CA is wrong: {error}"
    return None
