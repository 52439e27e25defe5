"""The tests' stand-in of the control plane as a process for `bench/gateway.py`: one organisation that has so many keys
and subscribes to some of so many services.

`python -m bench.gateway_control PORT UPSTREAM STREAMS KEYS SERVICES`. Keys and services beyond the first are made from
their number when they are asked for, so that a million of them cost the stand-in nothing.
"""

import asyncio
import contextlib
import hashlib
import json
import sys
import time
from typing import Any

from mercato_contracts import ids, keys
from mercato_contracts.dataplane import IntrospectRequest, KeyGrant, SnapshotService
from tests.fakes.control_plane import ControlPlane, a_grant
from tests.fakes.marketplace import a_deployment, a_limit, a_plan, a_release, a_service, subscribe

MOST_KEYS_USED = 20_000
MOST_SERVICES_USED = 1_000
_EPOCH_MS = 1_760_000_000_000


def chosen(count: int, most: int) -> range:
    """The numbers that calls use: all, or `most` of them, evenly spread."""
    return range(0, count, -(-count // most))


def key_of(number: int) -> str:
    """The key with this number."""
    secret = hashlib.blake2b(number.to_bytes(8, "big"), digest_size=32).digest()
    return keys.make_key("ck", ids.make_id(ids.KEY, _EPOCH_MS, number.to_bytes(10, "big")), secret)


def model_of(number: int) -> str:
    """The name of the service with this number."""
    return "acme/embedder" if number == 0 else f"acme/embedder-{number}"


class Numbered:
    """A service as the snapshot sends it, made from one with other ids and another name."""

    def __init__(self, number: int, text: str) -> None:
        self.number = number
        self._text = text

    def model_dump_json(self) -> str:
        """Its line."""
        short = model_of(self.number).partition("/")[2]
        return self._text.replace("embedder", short).replace("0000000000", f"{self.number:010x}")


class Organisation(ControlPlane):
    """Counts events without keeping them; knows keys by their number."""

    def __init__(self, grant: KeyGrant, count: int) -> None:
        super().__init__(lease_ms=60_000, bucket_lease_ms=5_000)
        self.keep_events = False
        self.taken = 0
        self.count = count
        self.spare = ""
        self.grant = grant
        self._before, self._after = grant.model_dump_json().encode().split(b'"key_id":""')

    async def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        if path == "/internal/usage":
            self.taken += body.count(b'"id":"use_')
        return await super()._post(path, body)

    async def _introspect(self, request: IntrospectRequest) -> tuple[int, bytes]:
        if request.key not in self.grants:
            with contextlib.suppress(keys.MalformedKey):
                key_id = keys.parse_key(request.key).key_id
                number = int(key_id[-20:], 16) & 0xFFFF_FFFF
                if number < self.count and key_of(number) == request.key:
                    return 200, b'%b"key_id":"%b"%b' % (self._before, key_id.encode(), self._after)
        return await super()._introspect(request)

    def _get(self, path: str) -> tuple[int, bytes]:
        answer: dict[str, Any] = {}
        if path == "/bench/key":
            answer = {"key": key_of(0)}
        elif path == "/bench/events":
            answer = {"distinct": len(self.event_ids), "twice": self.taken - len(self.event_ids)}
        elif path == "/bench/spare":
            self.spare = self.put_key(self.grant)
            answer = {"key": self.spare}
        elif path == "/bench/revoke":
            self.revoke(self.spare)
            answer = {"at": time.time()}
        else:
            return super()._get(path)
        return 200, json.dumps(answer).encode()


def _service(name: str, upstream: int) -> SnapshotService:
    plan = a_plan(per_call_nanos=1000, per_1k_input_nanos=20_000)
    deployment = a_deployment(f"http://127.0.0.1:{upstream}/v1", max_connections=10_000)
    return a_service(name, [a_release("1.0.0", [deployment])], plans=[plan])


def organisation(upstream: int, streams: int, key_count: int, service_count: int) -> Organisation:
    """Its services, its limits (of the subscription; of the organisation, where it has many) and its budget."""
    service = _service("acme/embedder", upstream)
    limits = [
        a_limit("subscription", "requests", window, cap) for window, cap in (("second", 10**6), ("month", 10**12))
    ]
    budget = a_limit("consumer", "nanos", "month", 10**18)
    chat = _service("acme/chat", streams)
    if service_count == 1:
        grant = a_grant(limits=[budget], subscriptions=[subscribe(service, *limits), subscribe(chat, *limits)])
        control = Organisation(grant, key_count)
        control.put_service(service)
    else:
        template = service.model_dump_json()
        for made in (service.id, service.releases[0].id, service.releases[0].deployments[0].id):
            template = template.replace(made, f"{made[:-10]}0000000000")
        used = chosen(service_count, MOST_SERVICES_USED)
        first = SnapshotService.model_validate_json(template)
        entries = [subscribe(first).model_copy(update={"service_id": _numbered(first.id, n)}) for n in used]
        control = Organisation(a_grant(limits=[budget, *limits], subscriptions=entries), key_count)
        numbered: dict[str, Any] = {str(n): Numbered(n, template) for n in range(service_count)}
        control.services.update(numbered)
    control.put_service(chat)
    control.watch(*limits, budget)
    return control


def _numbered(made: str, number: int) -> str:
    return f"{made[:-10]}{number:010x}"


async def run(port: int, upstream: int, streams: int, key_count: int, service_count: int) -> None:
    """Serves until it is ended."""
    await organisation(upstream, streams, key_count, service_count).start(port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(*map(int, sys.argv[1:])))
