"""The reference of the contract: Cedar rules behind gRPC, to try out, to copy from, and to hold other engines to."""

from collections.abc import Sequence
from typing import Any

import grpc

from mercato.adapters.policy_grpc.messages import METHOD, Malformed, read_request, write_response
from mercato.publishing import PolicyEngine


def policy_server(
    engine: PolicyEngine, listen: str, *, key_and_chain: tuple[bytes, bytes] | None = None
) -> tuple[grpc.aio.Server, int]:
    """A server of `engine` that is not yet started, and the port it listens on; with TLS where a key is given."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers((_Handler(engine),))
    if key_and_chain is None:
        return server, server.add_insecure_port(listen)
    return server, server.add_secure_port(listen, grpc.ssl_server_credentials([key_and_chain]))


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """Serves the one method."""

    def __init__(self, engine: PolicyEngine) -> None:
        self._engine = engine

    def service(self, handler_call_details: Any) -> Any:
        """The handler of this method, `None` for another one."""
        if handler_call_details.method != METHOD:
            return None
        return grpc.unary_unary_rpc_method_handler(self._decide)

    async def _decide(self, written: bytes, context: Any) -> bytes:
        try:
            vendor, release, facts = read_request(written)
        except Malformed as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise
        return write_response(await self._engine.decide(vendor, release, facts))


def serve(arguments: Sequence[str]) -> None:
    """`python -m mercato.adapters.policy_grpc`: until it is stopped."""
    import argparse
    import asyncio
    from pathlib import Path

    from mercato.adapters.policy_cedar import CedarPolicy

    reader = argparse.ArgumentParser(prog="python -m mercato.adapters.policy_grpc", description=__doc__)
    reader.add_argument("--listen", default="127.0.0.1:7070", metavar="HOST:PORT")
    reader.add_argument("--rules", type=Path, help="Cedar rules; those that come with Mercato when not given")
    reader.add_argument("--tls-key", type=Path)
    reader.add_argument("--tls-cert", type=Path)
    given = reader.parse_args(arguments)
    if (given.tls_key is None) != (given.tls_cert is None):
        reader.error("--tls-key and --tls-cert belong together")
    rules = CedarPolicy(None if given.rules is None else given.rules.read_text())
    pair = None if given.tls_key is None else (given.tls_key.read_bytes(), given.tls_cert.read_bytes())

    async def run() -> None:
        server, port = policy_server(rules, given.listen, key_and_chain=pair)
        await server.start()
        print(f"policy engine on port {port}", flush=True)
        await server.wait_for_termination()

    asyncio.run(run())
