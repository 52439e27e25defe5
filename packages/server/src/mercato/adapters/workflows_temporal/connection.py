"""The connection of one process with Temporal, made when it is first needed, and what its errors mean."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, GetSystemInfoRequest
from temporalio.client import Client, TLSConfig
from temporalio.service import RetryConfig, RPCError, RPCStatusCode

from mercato.adapters.temporal_address import TemporalAddress
from mercato.platform import WorkflowsAway, WorkflowsRefused

SECONDS = timedelta(seconds=10)
"""The deadline of each question."""
_CONNECT = timedelta(seconds=5)
_RETRIES = RetryConfig(max_elapsed_time_millis=4000, max_retries=3)
_NOT_LET_IN = {RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED}


class TemporalConnection:
    """`identity` names this process in Temporal's records."""

    def __init__(self, address: TemporalAddress, identity: str) -> None:
        self.address = address
        self.identity = identity
        self._client: Client | None = None
        self._turn = asyncio.Lock()

    async def client(self) -> Client:
        """The client, connected once. Raises `WorkflowsAway`, `WorkflowsRefused`."""
        async with self._turn:
            if self._client is None:
                with understood(self.address):
                    self._client = await self._connect()
            return self._client

    async def _connect(self) -> Client:
        try:
            return await Client.connect(
                self.address.target,
                namespace=self.address.namespace,
                api_key=self.address.api_key,
                tls=self._tls(),
                identity=self.identity,
                retry_config=_RETRIES,
                connect_timeout=_CONNECT,
            )
        except RuntimeError as error:  # whatever the reason; the client has no other class for it
            raise ConnectionError(str(error)) from None

    def _tls(self) -> TLSConfig | bool:
        place = self.address
        if not place.tls:
            return False
        if place.ca is None and place.cert is None:
            return True
        return TLSConfig(
            server_root_ca_cert=place.ca.read_bytes() if place.ca else None,
            client_cert=place.cert.read_bytes() if place.cert else None,
            client_private_key=place.key.read_bytes() if place.key else None,
        )

    async def examine(self) -> tuple[str, timedelta]:
        """The server's version, and for how long the namespace remembers workflows that have ended.

        Raises `WorkflowsAway`, `WorkflowsRefused`.
        """
        client = await self.client()
        with understood(self.address):
            system = await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=SECONDS)
            namespace = await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=self.address.namespace), timeout=SECONDS
            )
        return system.server_version, namespace.config.workflow_execution_retention_ttl.ToTimedelta()


@contextmanager
def understood(address: TemporalAddress) -> Iterator[None]:
    """Raises `WorkflowsRefused` for what a person must correct, and `WorkflowsAway` for what passes by itself."""
    try:
        yield
    except RPCError as error:
        if error.status in _NOT_LET_IN:
            raise WorkflowsRefused(f"Temporal at {address.shown} does not let us in: {error.message}") from None
        if error.status is RPCStatusCode.NOT_FOUND:
            raise WorkflowsRefused(f"Temporal at {address.shown}: {error.message}") from None
        raise WorkflowsAway(f"Temporal at {address.shown} does not answer: {error.message}") from None
    except OSError as error:
        raise WorkflowsAway(f"Temporal at {address.shown} does not answer: {error}") from None


def is_unknown(error: RPCError) -> bool:
    """Whether it says that there is no such workflow, or that it has ended, and not that the namespace is missing."""
    if error.status is not RPCStatusCode.NOT_FOUND:
        return False
    return not any(each.Is(NamespaceNotFoundFailure.DESCRIPTOR) for each in error.grpc_status.details)
