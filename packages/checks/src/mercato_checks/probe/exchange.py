"""Shared by all probes: one call, its findings, and its evidence."""

from dataclasses import dataclass, field
from typing import Any

from mercato_checks.codes import found
from mercato_checks.endpoint import Answer, Call, CallFailed, Endpoint
from mercato_checks.findings import Finding, shorten


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call as evidence; bodies are not kept. `status` None: no answer came."""

    method: str
    path: str
    status: int | None
    media_type: str
    size: int
    took_us: int


@dataclass(slots=True)
class Visit:
    """A probe under way: calls the endpoint and gathers findings, exchanges and facts."""

    endpoint: Endpoint
    findings: list[Finding] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    facts: dict[str, str | int | float | bool] = field(default_factory=dict)
    sample: Call | None = None

    def say(self, code: str, where: str, message: str) -> None:
        self.findings.append(found(code, where, message))

    async def call(self, call: Call, *, optional: bool = False) -> Answer | None:
        """The answer, or None with a finding (none where the call is optional)."""
        try:
            answer = await self.endpoint.call(call)
        except CallFailed as error:
            self.exchanges.append(Exchange(call.method, call.path, None, "", 0, 0))
            if not optional:
                self.say(error.code, where(call), f"{where(call)}: {error}.")
            return None
        self.exchanges.append(
            Exchange(call.method, call.path, answer.status, answer.media_type, len(answer.body), answer.took_us)
        )
        return answer

    async def call_json(self, call: Call, *, optional: bool = False) -> Any:
        """The JSON of a 200 answer, or None with a finding."""
        answer = await self.call(call, optional=optional)
        return None if answer is None else self.read_json(call, answer, optional=optional)

    def read_json(self, call: Call, answer: Answer, *, optional: bool = False) -> Any:
        """The same of an answer that is there."""
        if answer.status != 200:
            if not optional:
                self.say("probe_status", where(call), f"{where(call)} answered {answer.status} to a test call.")
            return None
        try:
            value = answer.json()
        except ValueError as error:
            problem = f"{where(call)} is not JSON: {shorten(error)}."
        else:
            if value is not None:
                return value
            problem = f"{where(call)} answered null."
        if not optional:
            self.say("probe_not_json", where(call), problem)
        return None


def where(call: Call) -> str:
    """How findings name a call."""
    return f"{call.method} {call.path}"


def mapping(value: Any) -> dict[str, Any]:
    """`value` where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """`value` where it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []
