"""Signal calls: a request that fits its contract, the handler, and an answer that fits it too."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from mercato_checks.probe.rounds import names_mismatch, rounds_mismatch
from mercato_cli.runner.answers import Answer, problem, refused_by_handler
from mercato_cli.runner.calls import Refused
from mercato_cli.runner.project import ProjectNotUsable
from mercato_contracts.signals import (
    SignalInferenceRequest,
    SignalInferenceRequestV2,
    SignalInferenceResponse,
    SignalInferenceResponseV2,
)

PATH = "/v1/signals"
_MOST_ERRORS = 50


@dataclass(frozen=True, slots=True)
class _Contract:
    request: type[BaseModel]
    response: type[BaseModel]
    mismatch: Callable[[Any, Any], str]
    """What of a well-formed response does not fit its request; nothing when all does."""


def _prices_mismatch(request: SignalInferenceRequest, response: SignalInferenceResponse) -> str:
    if response.as_of != request.as_of:
        return f"as_of is {response.as_of} and {request.as_of} was asked"
    return names_mismatch(set(request.history), set(response.scores), "scores")


_CONTRACTS = {
    "signal-inference/1": _Contract(SignalInferenceRequest, SignalInferenceResponse, _prices_mismatch),
    "signal-inference/2": _Contract(SignalInferenceRequestV2, SignalInferenceResponseV2, rounds_mismatch),
}


class Signals:
    """Answers `POST /v1/signals` with a handler's `infer`."""

    def __init__(self, handler: Any, say: Callable[[str], None]) -> None:
        """Raises `ProjectNotUsable` when the handler cannot infer."""
        infer = getattr(handler, "infer", None)
        if not callable(infer):
            raise ProjectNotUsable("`Handler` has no method `infer`.")
        self._served = tuple(getattr(handler, "contracts", _CONTRACTS))
        if unknown := sorted(set(self._served) - set(_CONTRACTS)):
            raise ProjectNotUsable(f"`Handler.contracts` names {unknown[0]!r}; {', '.join(_CONTRACTS)} are known.")
        self._infer: Callable[[BaseModel], Any] = infer
        self._say = say

    def answer(self, body: bytes) -> Answer:
        """The answer to one request; never raises. `say` gets the handler's failures, for the vendor's log."""
        name = _contract_named(body)
        contract = _CONTRACTS.get(name) if name in self._served else None
        if contract is None:
            return problem("unknown_contract", f"{name[:64]!r} is not served; {', '.join(self._served)} is.")
        try:
            request = contract.request.model_validate_json(body)
        except ValidationError as refused:
            return _refuse(refused)
        return self._ask(contract, request)

    def _ask(self, contract: _Contract, request: BaseModel) -> Answer:
        try:
            parsed = self._infer(request)
        except Refused as refused:
            return refused_by_handler(refused.code, refused.detail, refused.fix, refused.fields)
        except Exception as error:
            self._say(failure(error))
            return problem("handler_failed", "The handler raised an error; the vendor's log has it.")
        try:
            response = contract.response.model_validate(
                parsed.model_dump() if isinstance(parsed, BaseModel) else parsed
            )
        except ValidationError as wrong:
            return self._broken(_first(wrong))
        mismatch = contract.mismatch(request, response)
        return self._broken(mismatch) if mismatch else Answer(200, response.model_dump_json().encode())

    def _broken(self, why: str) -> Answer:
        self._say(f"the answer does not fit the contract: {why}")
        return problem("handler_broke_contract", f"The handler's answer is kept back: {why}.")


def failure(error: BaseException) -> str:
    """What a vendor's log should have of an error: where it came from and its message."""
    import traceback

    return "".join(traceback.format_exception(error)).rstrip()


def _contract_named(body: bytes) -> str:
    """The `contract` of a body; version 1 when it names none, as that contract's default has it."""
    try:
        parsed = from_json(body)
    except ValueError:
        return "signal-inference/1"  # whose parser says what is wrong with it
    named = parsed.get("contract", "signal-inference/1") if isinstance(parsed, dict) else "signal-inference/1"
    return named if isinstance(named, str) else str(named)


def _refuse(refused: ValidationError) -> Answer:
    errors = [
        {"field": ".".join(map(str, each["loc"])), "code": each["type"], "message": each["msg"]}
        for each in refused.errors(include_url=False, include_context=False, include_input=False)[:_MOST_ERRORS]
    ]
    detail = f"{refused.error_count()} things are wrong; the first: {_first(refused)}."
    return problem("invalid_request", detail, errors=errors)


def _first(wrong: ValidationError) -> str:
    first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the body'}: {first['msg']}"
