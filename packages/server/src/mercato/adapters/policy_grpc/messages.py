"""The messages of `packages/contracts/proto/mercato/policy/v1/policy.proto`, from its compiled description."""

from dataclasses import asdict
from importlib.resources import files
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from mercato.publishing import PolicyDecision, Reason, ReleaseFacts

PACKAGE = "mercato.policy.v1"
METHOD = f"/{PACKAGE}.PolicyService/Decide"
_OUTCOMES: dict[int, Any] = {1: "approve_automatically", 2: "needs_person", 3: "forbid"}
_NUMBERS = {outcome: number for number, outcome in _OUTCOMES.items()}


def _message(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))


def _pool() -> Any:
    pool = descriptor_pool.DescriptorPool()
    described = (files("mercato.adapters.policy_grpc") / "policy.binpb").read_bytes()
    for file in descriptor_pb2.FileDescriptorSet.FromString(described).file:
        pool.Add(file)
    return pool


_POOL = _pool()
# Within a table, because classes that protobuf makes name no module, which readers of our modules expect of a class.
_MESSAGES = {name: _message(name) for name in ("DecideRequest", "DecideResponse")}


class Malformed(ValueError):
    """A message that does not hold to the contract; the text says how."""


def write_request(vendor: str, release: str, facts: ReleaseFacts) -> bytes:
    """The request as bytes."""
    given = asdict(facts) | {"codes": sorted(facts.codes)}
    request = _MESSAGES["DecideRequest"](vendor=vendor, release=release, facts=given)
    written: bytes = request.SerializeToString()
    return written


def read_request(written: bytes) -> tuple[str, str, ReleaseFacts]:
    """What `write_request` wrote. Raises `Malformed`."""
    request = _parse("DecideRequest", written)
    given = {name: getattr(request.facts, name) for name in ReleaseFacts.__dataclass_fields__}
    return request.vendor, request.release, ReleaseFacts(**given | {"codes": frozenset(given["codes"])})


def write_response(decision: PolicyDecision) -> bytes:
    """The response as bytes."""
    reasons = [asdict(reason) for reason in decision.reasons]
    response = _MESSAGES["DecideResponse"](
        outcome=_NUMBERS[decision.outcome], reasons=reasons, approvers=decision.approvers
    )
    written: bytes = response.SerializeToString()
    return written


def read_response(written: bytes) -> PolicyDecision:
    """What an engine decided. Raises `Malformed` for what leaves open whether the release may go out."""
    response = _parse("DecideResponse", written)
    outcome = _OUTCOMES.get(response.outcome)
    reasons = [Reason(reason.rule, reason.text) for reason in response.reasons]
    if outcome is None:
        raise Malformed(f"its outcome is {response.outcome}")
    if not reasons or not all(reason.rule and reason.text for reason in reasons):
        raise Malformed("it gives no reason")
    allowed = (1, 2) if outcome == "needs_person" else (0,)
    if response.approvers not in allowed:
        raise Malformed(f"{outcome} with {response.approvers} approvers")
    return PolicyDecision(outcome, reasons, response.approvers)


def _parse(name: str, written: bytes) -> Any:
    try:
        return _MESSAGES[name].FromString(written)
    except DecodeError as error:
        raise Malformed(f"not a message of {PACKAGE}: {error}") from None
