"""A policy engine over gRPC: the same decisions as the rules in process, and none that it did not make."""

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from mercato.adapters.policy_address import PolicyAddress, read_address
from mercato.adapters.policy_cedar import CedarPolicy
from mercato.adapters.policy_grpc import GrpcPolicy, PolicyAway, policy_server
from mercato.adapters.policy_grpc.messages import METHOD, read_request, write_request, write_response
from mercato.app.examine_engines import engines
from mercato.app.settings import Settings
from mercato.app.usable import require_usable
from mercato.publishing import PolicyDecision, PolicyEngine, Reason, ReleaseFacts
from tests.adapters.test_policy_cedar import BILLION, GOOD
from tests.support.buf import find_buf
from tests.support.ports import free_port

PROTO = Path(__file__).parents[2] / "packages/contracts/proto"
RELEASED = Path(__file__).parents[2] / "packages/contracts/released/proto"
CASES: list[dict[str, Any]] = [
    {},
    {"vendor_verified": False},
    {"monthly_nanos": 500 * BILLION + 1, "breaking": True},
    {"monthly_nanos": 5000 * BILLION + 1},
    {"codes": frozenset({"secret_suspected", "manifest_endpoint_plain"}), "paths": "any"},
    {"errors": 1},
    {"vendor_suspended": True, "p95_ms": 2**40},
]


@asynccontextmanager
async def serving(engine: PolicyEngine, listen: str = "127.0.0.1:0", **tls: Any) -> AsyncIterator[str]:
    """Where the reference server listens."""
    server, port = policy_server(engine, listen, **tls)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


class Answers:
    """A server of the same method that answers as no engine should."""

    def __init__(self, answer: Callable[[bytes, Any], Awaitable[bytes]]) -> None:
        self.asked = 0
        self._answer = answer

    def service(self, details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(self._count) if details.method == METHOD else None

    async def _count(self, request: bytes, context: Any) -> bytes:
        self.asked += 1
        return await self._answer(request, context)


@asynccontextmanager
async def answering(answers: Answers) -> AsyncIterator[GrpcPolicy]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((answers,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield GrpcPolicy(PolicyAddress(f"127.0.0.1:{port}", tls=False), deadline_seconds=20)
    finally:
        await server.stop(None)


@pytest.mark.parametrize("changes", CASES)
async def test_decides_as_the_rules_in_process_do(changes: dict[str, Any]) -> None:
    rules, facts = CedarPolicy(), replace(GOOD, **changes)
    async with serving(rules) as target:
        there = GrpcPolicy(PolicyAddress(target, tls=False), deadline_seconds=20)
        names = ('a"\nb é', "acme/embedder@1.2.0")
        assert await there.decide(*names, facts) == await rules.decide(*names, facts)


async def test_a_decision_takes_less_than_a_tenth_of_a_second() -> None:
    async with serving(CedarPolicy()) as target:
        policy = GrpcPolicy(PolicyAddress(target, tls=False), deadline_seconds=20)
        taken = []
        for _ in range(30):
            began = time.process_time()
            assert (await policy.decide("acme", "acme/embedder@1.2.0", GOOD)).outcome == "approve_automatically"
            taken.append(time.process_time() - began)
    # Of the processor, client and server together: what a machine at rest would take.
    assert sorted(taken)[len(taken) // 2] < 0.1


def test_every_fact_arrives_as_it_is() -> None:
    facts = ReleaseFacts(
        True, False, 2**40, "openai", "chat", "MIT", "any", 3, 4, frozenset({"b", "a"}), True, 2**62, 6, 7, 8
    )
    assert read_request(write_request("acme", "acme/x@1.0.0", facts)) == ("acme", "acme/x@1.0.0", facts)


async def test_an_engine_that_is_away_forbids_and_says_why() -> None:
    policy = GrpcPolicy(PolicyAddress(f"127.0.0.1:{free_port()}", tls=False))
    decision = await policy.decide("acme", "acme/embedder@1.2.0", GOOD)
    assert (decision.outcome, decision.approvers) == ("forbid", 0)
    assert decision.reasons[0].rule == "policy-engine-away"
    assert "Submit again" in decision.reasons[0].text
    with pytest.raises(PolicyAway, match="MERCATO_POLICY_URL"):
        await policy.ask("acme", "acme/embedder@1.2.0", GOOD)


async def test_an_engine_that_is_killed_and_started_again_decides_again() -> None:
    port = free_port()
    command = [sys.executable, "-m", "mercato.adapters.policy_grpc", "--listen", f"127.0.0.1:{port}"]
    policy = GrpcPolicy(PolicyAddress(f"127.0.0.1:{port}", tls=False), deadline_seconds=20)
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        assert str(port) in (await process.stdout.readline()).decode()
        assert (await policy.decide("acme", "acme/embedder@1.2.0", GOOD)).outcome == "approve_automatically"
        process.kill()
        await process.wait()
        assert (await policy.decide("acme", "acme/embedder@1.2.0", GOOD)).outcome == "forbid"


async def test_an_engine_that_does_not_answer_in_time_forbids() -> None:
    never = asyncio.Event()

    async def hang(request: bytes, context: Any) -> bytes:
        await never.wait()
        return b""

    answers = Answers(hang)
    async with answering(answers) as policy:
        hurried = GrpcPolicy(policy._address, deadline_seconds=0.2)
        with pytest.raises(PolicyAway, match="DEADLINE_EXCEEDED"):
            await hurried.ask("acme", "acme/embedder@1.2.0", GOOD)
        assert (await hurried.decide("acme", "acme/embedder@1.2.0", GOOD)).outcome == "forbid"


YES = Reason("yes", "It is good.")
INVALID: list[tuple[bytes, str]] = [
    (b"", "outcome is 0"),
    (b"\xff\xff\xff", "not a message"),
    (write_response(PolicyDecision("approve_automatically", [], 0)), "no reason"),
    (write_response(PolicyDecision("approve_automatically", [YES], 1)), "1 approvers"),
    (write_response(PolicyDecision("needs_person", [YES], 0)), "0 approvers"),
    (b"\x08\x09" + write_response(PolicyDecision("needs_person", [YES], 1))[2:], "outcome is 9"),
]


@pytest.mark.parametrize(("answer", "words"), INVALID)
async def test_an_answer_that_leaves_it_open_forbids(answer: bytes, words: str) -> None:
    async def give(request: bytes, context: Any) -> bytes:
        return answer

    async with answering(Answers(give)) as policy:
        with pytest.raises(PolicyAway, match=words):
            await policy.ask("acme", "acme/embedder@1.2.0", GOOD)
        assert (await policy.decide("acme", "acme/embedder@1.2.0", GOOD)).outcome == "forbid"


async def test_what_is_refused_is_asked_once_and_what_is_busy_again() -> None:
    async def refuse(request: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")
        return b""

    async def busy_once(request: bytes, context: Any) -> bytes:
        if busy.asked == 1:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "in a moment")
        return write_response(PolicyDecision("approve_automatically", [YES], 0))

    refusing, busy = Answers(refuse), Answers(busy_once)
    async with answering(refusing) as policy:
        with pytest.raises(PolicyAway, match="PERMISSION_DENIED: not you"):
            await policy.ask("acme", "acme/embedder@1.2.0", GOOD)
    assert refusing.asked == 1
    async with answering(busy) as policy:
        assert (await policy.decide("acme", "acme/embedder@1.2.0", GOOD)).outcome == "approve_automatically"
    assert busy.asked == 2


async def test_tls_is_spoken_with_whom_the_authority_knows(tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    pair = (issued.private_key_pem.bytes(), b"".join(each.bytes() for each in issued.cert_chain_pems))
    for name, each in (("known", authority), ("other", other)):
        each.cert_pem.write_to_path(tmp_path / f"{name}.pem")
    async with serving(CedarPolicy(), key_and_chain=pair) as target:
        known = GrpcPolicy(PolicyAddress(target, tls=True), tmp_path / "known.pem", deadline_seconds=20)
        assert (await known.decide("acme", "acme/embedder@1.2.0", GOOD)).outcome == "approve_automatically"
        for wrong in (
            GrpcPolicy(PolicyAddress(target, tls=True), tmp_path / "other.pem"),
            GrpcPolicy(PolicyAddress(target, tls=False)),
        ):
            with pytest.raises(PolicyAway, match="MERCATO_POLICY_URL"):
                await wrong.ask("acme", "acme/embedder@1.2.0", GOOD)


async def test_the_doctor_asks_it(tmp_path: Path) -> None:
    def examine(target: str) -> list[str]:
        return [each.verdict for each in engines(Settings(state=tmp_path, policy_url=f"grpc://{target}"))]

    async with serving(CedarPolicy()) as target:
        assert await asyncio.to_thread(examine, target) == ["ok"]
    assert await asyncio.to_thread(examine, f"127.0.0.1:{free_port()}") == ["fail"]


@pytest.mark.parametrize("url", ["", "grpc://", "http://p:1", "grpc://p", "grpc://p:x", "grpcs://user:secret@p:1"])
def test_what_is_no_address_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(ValueError, match="MERCATO_POLICY_URL") as refused:
        read_address(url)
    assert "secret" not in str(refused.value)


def test_two_engines_do_not_decide_at_once(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, policy_url="grpc://p:1", policy_file=tmp_path / "rules.cedar")
    with pytest.raises(Exception, match="MERCATO_POLICY_FILE are both set"):
        require_usable(settings)


def buf(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`buf` in the folder of the contract; the test is skipped where there is none."""
    program = find_buf()
    if program is None:
        pytest.skip("needs buf, or npm to fetch it")
    return subprocess.run([program, *arguments], cwd=PROTO, capture_output=True, text=True)


def test_the_contract_is_clean_and_breaks_nobody(tmp_path: Path) -> None:
    for arguments in (("lint",), ("breaking", "--against", str(RELEASED))):
        done = buf(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    shutil.copytree(PROTO, tmp_path / "proto")
    path = tmp_path / "proto/mercato/policy/v1/policy.proto"
    path.write_text(path.read_text().replace("int32 approvers = 3;", "int32 approvers = 4;"))
    done = buf("breaking", str(tmp_path / "proto"), "--against", str(RELEASED))
    assert done.returncode != 0
    assert "approvers" in done.stdout


def test_the_description_is_the_contracts(tmp_path: Path) -> None:
    protoc = pytest.importorskip("grpc_tools.protoc")
    written = tmp_path / "policy.binpb"
    arguments = ["protoc", f"-I{PROTO}", f"--descriptor_set_out={written}", "mercato/policy/v1/policy.proto"]
    assert protoc.main(arguments) == 0
    import mercato.adapters.policy_grpc

    kept = Path(mercato.adapters.policy_grpc.__file__).parent / "policy.binpb"
    assert written.read_bytes() == kept.read_bytes()
