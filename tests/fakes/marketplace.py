"""Snapshot services, plans and limits in few words, for tests and benches of the gateway."""

from typing import Any

from mercato_contracts import ids
from mercato_contracts.dataplane import (
    GrantedSubscription,
    Limit,
    Operation,
    SnapshotDeployment,
    SnapshotPlan,
    SnapshotRelease,
    SnapshotService,
)
from tests.fakes.control_plane import ControlPlane, a_grant, new_id


def a_plan(**changes: Any) -> SnapshotPlan:
    values: dict[str, Any] = {
        "id": new_id(ids.PLAN), "name": "standard", "currency": "USD", "monthly_nanos": 0, "per_call_nanos": 0,
        "per_1k_input_nanos": 0, "per_1k_output_nanos": 0, "included_unit": None, "included": 0, "overage": True,
    }  # fmt: skip
    return SnapshotPlan(**(values | changes))


def a_deployment(url: str, **changes: Any) -> SnapshotDeployment:
    return SnapshotDeployment(**({"id": new_id(ids.DEPLOYMENT), "url": url, "addresses": ["127.0.0.1"]} | changes))


def a_release(version: str, deployments: list[SnapshotDeployment], **changes: Any) -> SnapshotRelease:
    operations = [Operation(method=m, path=p) for m, p in changes.pop("operations", [])]
    values: dict[str, Any] = {
        "id": new_id(ids.RELEASE), "version": version, "status": "live", "operations": operations,
        "deployments": deployments,
    }  # fmt: skip
    return SnapshotRelease(**(values | changes))


def a_service(name: str, releases: list[SnapshotRelease], **changes: Any) -> SnapshotService:
    vendor, _, short = name.partition("/")
    values: dict[str, Any] = {
        "id": new_id(ids.SERVICE), "vendor_id": new_id(ids.ORGANISATION), "vendor": vendor, "name": short,
        "title": short,
        "created": 1_700_000_000, "protocol": "openai", "paths": "published", "releases": releases, "plans": [a_plan()],
    }  # fmt: skip
    return SnapshotService(**(values | changes))


def subscribe(service: SnapshotService, *limits: Limit, plan: int = 0) -> GrantedSubscription:
    """A subscription to one of the service's plans."""
    return GrantedSubscription(
        id=new_id(ids.SUBSCRIPTION), service_id=service.id, plan_id=service.plans[plan].id, limits=list(limits)
    )


def a_limit(kind: str, unit: str, window: str, cap: int, **changes: Any) -> Limit:
    """A limit on a scope of its own; `unit` may be `included:tokens` or `included:requests`."""
    plain = unit.removeprefix("included:")
    name = f"{kind}:{new_id(ids.SUBSCRIPTION)}:{'included' if ':' in unit else unit}:{window}"
    return Limit(**({"scope": name, "unit": plain, "window": window, "cap": cap} | changes))


def a_subscriber(control: ControlPlane, *subscriptions: GrantedSubscription, **changes: Any) -> str:
    """A key of a new organisation with these subscriptions."""
    return control.put_key(a_grant(subscriptions=list(subscriptions), **changes))
