"""What a registry outside shows of a service."""

import json
from collections.abc import Mapping
from typing import Any

from mercato.publishing import Release, ServiceRecord
from mercato.registry.ports import RegisteredModel, RegisteredVersion
from mercato.training import SucceededRun
from mercato_contracts.manifest import Lineage

CHAMPION = "champion"
CANARY = "canary"
_LONGEST = 5_000
"""Characters of a description and of a tag: more does not fit into MLflow's columns."""


def describe(record: ServiceRecord, runs: Mapping[str, SucceededRun], client_url: str) -> RegisteredModel | None:
    """The model of a public service, or `None` for a private one: its name alone would say too much.

    `runs` has by id the training runs that are the vendor's own and succeeded; others are not mentioned.
    """
    service, name = record.service, f"{record.vendor.slug}/{record.service.name}"
    if service.visibility != "public":
        return None
    description = "\n\n".join(filter(None, (service.title, service.summary, service.description)))
    tags = {
        "service": name,
        "organisation": record.vendor.slug,
        "organisation_id": record.vendor.id,
        "organisation_name": record.vendor.name,
        "task": service.task,
        "protocol": service.protocol,
        "licence": service.licence,
        "status": service.status,
        "url": f"{client_url}/services/{name}",
    }
    return RegisteredModel(
        key=service.id,
        name=name,
        description=_fit(description),
        tags={key: _fit(value) for key, value in tags.items()},
        versions=tuple(_version(release, record, runs) for release in record.releases),
        aliases=_aliases(record),
    )


def lineage_of(release: Release) -> Lineage:
    """What the vendor says that the release was made from. Manifests of before there was a place for it say nothing."""
    stated: dict[str, Any] | None = release.manifest.get("lineage")
    return Lineage() if stated is None else Lineage.model_validate(stated)


def _version(release: Release, record: ServiceRecord, runs: Mapping[str, SucceededRun]) -> RegisteredVersion:
    lineage = lineage_of(release)
    run = runs.get(lineage.training_run or "")
    tags = {
        "version": release.version,
        "digest": f"sha256:{record.digests[release.id]}" if record.digests.get(release.id) else "",
        "document_digest": f"sha256:{release.document_digest}" if release.document_digest else "",
        "released_at": release.released_at.isoformat(),
        "status": release.status,
        "status_reason": release.status_reason,
        "parents": " ".join(lineage.parents),
        **({} if run is None else _lineage_tags(run)),
    }
    return RegisteredVersion(
        key=release.id,
        version=release.version,
        description=_fit(str(release.manifest.get("summary", ""))),
        tags={key: _fit(value) for key, value in tags.items() if value},
    )


def _lineage_tags(run: SucceededRun) -> dict[str, str]:
    return {
        "training_run": run.id,
        "training_code": f"sha256:{run.code_sha256}",
        "training_data": f"sha256:{run.data_sha256}" if run.data_sha256 else "",
        "training_artifacts": json.dumps(dict(run.artifacts)) if run.artifacts else "",
    }


def _aliases(record: ServiceRecord) -> dict[str, str]:
    """Nothing that a call would not reach has an alias."""
    if record.service.status != "listed":
        return {}
    aliases: dict[str, str] = {}
    for release in record.releases:
        if release.status != "yanked" and release.version == record.service.latest_version:
            aliases[CHAMPION] = release.id
        if release.status != "yanked" and release.id == record.canary:
            aliases[CANARY] = release.id
    return aliases


def _fit(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
