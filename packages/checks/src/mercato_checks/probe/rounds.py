"""Test calls for signals of rounds (`signal-inference/2`): repeatable, blind to order, and blind to the future."""

from typing import Any

from pydantic import ValidationError

from mercato_checks.endpoint import Call
from mercato_checks.findings import shorten
from mercato_checks.openapi.walk import OperationAt, References
from mercato_checks.probe.exchange import Visit, items, mapping, where
from mercato_contracts.ranking import varies
from mercato_contracts.signals import (
    EraFeatures,
    FeatureName,
    SignalInferenceRequestV2,
    SignalInferenceResponseV2,
)

CONTRACT = "signal-inference/2"
FIELDS = {"round", "features", "eras"}
FEATURES = tuple(f"feature_{letter}" for letter in "abcdefgh")
"""What is sent where the document names no features."""

_ROUND = "rnd_" + "0" * 31 + "1"
_FIRST_ERA = 101
_ERAS = 12
_IDS = 20
_KEPT_ERAS = 8
"""Of the truncated request: their scores must not change when the later ones are removed."""

_MOST_FEATURES = 200
_TOLERANCE = 1e-9
"""Two scores this near are the same: sums in another order differ in their last digits."""


async def probe_rounds(visit: Visit, operation: OperationAt, references: References) -> None:
    """One request; the same again; the same with its ids shuffled; the same without its last eras."""
    request = make_rounds_request(named_features(operation, references))
    call = _call(operation, request)
    scores = await _scores(visit, call, request)
    if scores is None:
        return
    visit.sample = call
    if is_constant(scores):
        visit.say("probe_constant", where(call), f"{where(call)}: every id of an era has the same score.")
    for code, other, what in (
        ("probe_not_deterministic", request, "two equal requests got different answers"),
        ("probe_order_dependent", shuffled(request), "the scores change when the ids come in another order"),
        ("probe_look_ahead", truncated(request, _KEPT_ERAS), "an era's scores change when later eras are cut off"),
    ):
        again = await _scores(visit, _call(operation, other), other)
        if again is None:
            return
        if (differs := first_difference(scores, again)) is not None:
            visit.say(code, where(call), f"{where(call)}: {what} ({differs}).")
    visit.facts |= {"eras": _ERAS, "ids": _IDS}


def make_rounds_request(features: list[FeatureName]) -> SignalInferenceRequestV2:
    """Invented features in (0, 1) of twenty ids in twelve eras, the same each time."""
    state = 20_260_101
    eras = []
    for era in range(_FIRST_ERA, _FIRST_ERA + _ERAS):
        rows = []
        for _ in range(_IDS):
            row = []
            for _ in features:
                # Source: Numerical Recipes, third edition, section 7.1.4, quick and dirty generators.
                state = (state * 1_664_525 + 1_013_904_223) % 2**32
                row.append(round(state / 2**32, 6))
            rows.append(row)
        ids = [f"n{era:05}x{number:03}" for number in range(_IDS)]
        eras.append(EraFeatures(era=era, ids=ids, values=rows))
    return SignalInferenceRequestV2(round=_ROUND, features=features, eras=eras)


def shuffled(request: SignalInferenceRequestV2) -> SignalInferenceRequestV2:
    """The same with the ids of each era in another order, the last first."""
    eras = [EraFeatures(era=each.era, ids=each.ids[::-1], values=each.values[::-1]) for each in request.eras]
    return request.model_copy(update={"eras": eras})


def truncated(request: SignalInferenceRequestV2, eras: int) -> SignalInferenceRequestV2:
    """The first `eras` of it."""
    return request.model_copy(update={"eras": request.eras[:eras]})


Scores = dict[int, dict[str, float]]
"""By era, by id."""


def first_difference(scores: Scores, others: Scores) -> str | None:
    """The first score of `others` that is another one in `scores`, in words."""
    for era, by_id in others.items():
        for name, other in by_id.items():
            score = scores[era][name]
            if abs(score - other) > _TOLERANCE:
                return f"era {era}, {name}: {score:.6g} and {other:.6g}"
    return None


def is_constant(scores: Scores) -> bool:
    """Whether no era tells its ids apart."""
    return not any(varies(list(by_id.values())) for by_id in scores.values())


def read_scores(answer: Any, request: SignalInferenceRequestV2) -> tuple[Scores, list[str]]:
    """The scores of an answer, and in words what of it does not fit the contract and the request."""
    try:
        response = SignalInferenceResponseV2.model_validate(answer, strict=False)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[:10]
        places = [(".".join(str(step) for step in each["loc"]) or "the answer", each["msg"]) for each in wrong]
        return {}, [f"`{shorten(place)}`: {shorten(message)}" for place, message in places]
    if (mismatch := rounds_mismatch(request, response)) != "":
        return {}, [mismatch]
    return {each.era: dict(each.scores) for each in response.eras}, []


def rounds_mismatch(request: SignalInferenceRequestV2, response: SignalInferenceResponseV2) -> str:
    """What of a well-formed response does not fit its request; nothing when all does."""
    asked, returned = [each.era for each in request.eras], [each.era for each in response.eras]
    if asked != returned:
        return f"eras: {len(asked)} were sent, from {asked[0]} on, and {len(returned)} returned, from {returned[0]} on"
    for era, scores in zip(request.eras, response.eras, strict=True):
        if (mismatch := names_mismatch(set(era.ids), set(scores.scores), f"era {era.era}")) != "":
            return mismatch
    return ""


def names_mismatch(asked: set[str], returned: set[str], place: str) -> str:
    """How the names that were scored differ from those that were asked."""
    if missing := sorted(asked - returned):
        return f"{place} lacks {', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}"
    if unasked := sorted(returned - asked):
        return f"{place} has {', '.join(unasked[:3])}, which nobody asked"
    return ""


def named_features(operation: OperationAt, references: References) -> list[str]:
    """The features that the document names, as enum or example of the request's `features`; else invented ones."""
    body = mapping(references.follow(operation.node.get("requestBody")))
    media = mapping(mapping(body.get("content")).get("application/json"))
    schema = mapping(references.follow(media.get("schema")))
    features = mapping(references.follow(mapping(schema.get("properties")).get("features")))
    enum = items(mapping(references.follow(features.get("items"))).get("enum"))
    examples = items(features.get("examples"))
    named = enum or items(examples[0] if examples else features.get("example"))
    try:
        return SignalInferenceRequestV2.model_validate(
            {"round": _ROUND, "features": named[:_MOST_FEATURES], "eras": [_empty_era(len(named[:_MOST_FEATURES]))]}
        ).features
    except ValidationError:
        return list(FEATURES)


def _empty_era(columns: int) -> dict[str, Any]:
    return {"era": 1, "ids": ["n"], "values": [[0.0] * columns]}


def _call(operation: OperationAt, request: SignalInferenceRequestV2) -> Call:
    return Call("POST", operation.path, request.model_dump(mode="json"))


async def _scores(visit: Visit, call: Call, request: SignalInferenceRequestV2) -> Scores | None:
    answer = await visit.call_json(call)
    if answer is None:
        return None
    scores, wrong = read_scores(answer, request)
    for each in wrong:
        visit.say("probe_contract", where(call), f"{where(call)}: {each}.")
    return None if wrong else scores
