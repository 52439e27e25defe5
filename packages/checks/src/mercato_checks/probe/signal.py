"""Test calls for signal services: a small history, twice, and the same scores each time."""

from datetime import date, timedelta
from typing import Any

from pydantic import ValidationError

from mercato_checks.endpoint import Call
from mercato_checks.findings import shorten
from mercato_checks.openapi.document import Document
from mercato_checks.openapi.walk import OperationAt, References, operations
from mercato_checks.probe import rounds
from mercato_checks.probe.exchange import Visit, mapping, where
from mercato_contracts.signals import PriceBar, SignalInferenceRequest, SignalInferenceResponse

_TICKERS = ("AAPL", "JPM", "KO", "MSFT", "XOM")
_DAYS = 400
_LAST_DAY = date(2022, 12, 28)
_FIELDS = {"as_of", "history"}


async def probe_signal(visit: Visit, document: Document) -> None:
    """Find the operation that carries the contract, send its requests, compare the answers."""
    operation = find_contract(document)
    if operation is None:
        visit.say("openapi_contract_missing", "/paths", "No POST takes a SignalInferenceRequest as JSON.")
        return
    visit.facts["operation"] = f"POST {shorten(operation.path, 200)}"
    references = References(document.tree)
    if _carries(operation, references) == rounds.CONTRACT:
        await rounds.probe_rounds(visit, operation, references)
        return
    request = make_request()
    call = Call("POST", operation.path, request.model_dump(mode="json"))
    first = await visit.call_json(call)
    if first is None or not _answers(visit, call, first, request):
        return
    visit.sample = call
    again = await visit.call_json(call)
    if again is not None and again != first:
        visit.say("probe_not_deterministic", where(call), f"{where(call)}: two equal requests got different answers.")
    visit.facts["deterministic"] = again == first


def find_contract(document: Document) -> OperationAt | None:
    """The first POST without variables whose JSON body has the fields of a SignalInferenceRequest of any version."""
    references = References(document.tree)
    for operation in operations(document.tree, references):
        if operation.method == "post" and "{" not in operation.path and _carries(operation, references):
            return operation
    return None


def contract_of(operation: OperationAt, document: Document) -> str | None:
    """The contract that an operation carries: `signal-inference/1` or `/2`; None for any other operation."""
    return _carries(operation, References(document.tree))


def _carries(operation: OperationAt, references: References) -> str | None:
    body = mapping(references.follow(operation.node.get("requestBody")))
    media = mapping(mapping(body.get("content")).get("application/json"))
    written = mapping(media.get("schema"))
    schema = mapping(references.follow(written))
    names = {str(written.get("$ref", "")).rpartition("/")[2], schema.get("title")}
    fields = set(mapping(schema.get("properties")))
    if "SignalInferenceRequestV2" in names or fields >= rounds.FIELDS:
        return rounds.CONTRACT
    return "signal-inference/1" if "SignalInferenceRequest" in names or fields >= _FIELDS else None


def make_request() -> SignalInferenceRequest:
    """A year and a half of invented closes for five names, the same each time: waves around a slow rise."""
    days = _weekdays(_LAST_DAY, _DAYS)
    history = {
        ticker: [PriceBar(day=day, close=_close(number, index)) for index, day in enumerate(days)]
        for number, ticker in enumerate(_TICKERS)
    }
    return SignalInferenceRequest(as_of=_LAST_DAY, history=history)


def _weekdays(last: date, count: int) -> list[date]:
    days = [day for day in (last - timedelta(days=back) for back in range(count * 2)) if day.weekday() < 5]
    return days[:count][::-1]


def _close(number: int, index: int) -> float:
    wave = (index * (7 + 2 * number) + (index * index) % (11 + number)) % 40
    return round(50 + 10 * number + index * 0.05 + wave * 0.25, 2)


def _answers(visit: Visit, call: Call, answer: Any, request: SignalInferenceRequest) -> bool:
    try:
        response = SignalInferenceResponse.model_validate(answer, strict=False)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False)[:10]:
            place = ".".join(str(step) for step in detail["loc"]) or "the answer"
            visit.say("probe_contract", where(call), f"{where(call)}: `{shorten(place)}`: {shorten(detail['msg'])}.")
        return False
    strangers = sorted(set(response.scores) - set(request.history))
    if strangers:
        visit.say("probe_contract", where(call), f"{where(call)}: scores for names not asked: {shorten(strangers)}.")
    if not set(response.scores) & set(request.history):
        visit.say("probe_contract", where(call), f"{where(call)}: no name that was asked for has a score.")
    if response.as_of != request.as_of:
        visit.say("probe_contract", where(call), f"{where(call)}: `as_of` is not that of the request.")
    visit.facts |= {"model": shorten(response.model, 200), "horizon_days": response.horizon_days}
    return True
