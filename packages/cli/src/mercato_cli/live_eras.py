"""A round's live eras: read from the pulled files, scored by a running deployment, written as the desk takes them."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mercato_cli.errors import Exit, MpError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from mercato_contracts.signals import SignalInferenceRequestV2, SignalInferenceResponseV2, SignalWriteBatch

_PATH = "/v1/signals"


def read_live(folder: Path) -> "SignalInferenceRequestV2":
    """Every era of `live.parquet`, as one request. Needs the vendor's own pyarrow; raises `MpError`."""
    from mercato_contracts.signals import EraFeatures, SignalInferenceRequestV2

    found, columns = _round_of(folder), _columns(folder / "live.parquet")
    features = [name for name in columns if name.startswith("feature_")]
    ids: dict[int, list[str]] = {}
    values: dict[int, list[list[float]]] = {}
    for era, one, *row in zip(columns["era"], columns["id"], *(columns[name] for name in features), strict=True):
        ids.setdefault(era, []).append(one)
        values.setdefault(era, []).append(row)
    eras = [EraFeatures(era=era, ids=ids[era], values=values[era]) for era in sorted(ids)]
    return SignalInferenceRequestV2(round=found, features=features, eras=eras)


def ask_deployment(root: str, request: "SignalInferenceRequestV2", timeout: float) -> "SignalInferenceResponseV2":
    """What the deployment at `root` says: one score for each id of each era that was asked for. Raises `MpError`."""
    import httpx
    from pydantic import ValidationError

    from mercato_cli.web import open_client, unreachable
    from mercato_contracts.signals import SignalInferenceResponseV2
    from mercato_contracts.words import message_of

    url = root.rstrip("/") + _PATH
    try:
        with open_client(url, timeout=timeout) as http:
            body = request.model_dump_json()
            answer = http.post(url, content=body, headers={"content-type": "application/json"})
    except httpx.RequestError as error:
        text = unreachable(url, error, timeout).text
        raise MpError(
            text, "Start it with `mp deploy`, or name its address with --endpoint.", Exit.UNREACHABLE
        ) from None
    if answer.status_code != 200:
        raise MpError(f"{url} answered {answer.status_code}: {answer.text[:200]}", "Try it with `mp validate`.")
    try:
        response = SignalInferenceResponseV2.model_validate_json(answer.content)
    except ValidationError as error:
        raise MpError(
            f"{url} does not fit the contract: {_where(error)} {message_of(error.errors()[0])}.", "Try `mp validate`."
        ) from None
    if {era.era: set(era.scores) for era in response.eras} != {era.era: set(era.ids) for era in request.eras}:
        raise MpError(f"{url} did not score each id of each era once.", "Try `mp validate`.")
    return response


def _where(error: "ValidationError") -> str:
    return ".".join(str(part) for part in error.errors()[0]["loc"]) or "the answer"


def write_batch(
    deployment: str, request: "SignalInferenceRequestV2", response: "SignalInferenceResponseV2", at: datetime
) -> "SignalWriteBatch":
    """One write an era."""
    from mercato_contracts.signals import SignalWrite, SignalWriteBatch

    return SignalWriteBatch(
        writes=[
            SignalWrite(deployment=deployment, round=request.round, era=era.era, scores=era.scores, created_at=at)
            for era in response.eras
        ]
    )


def _round_of(folder: Path) -> str:
    try:
        return str(json.loads((folder / "round.json").read_text())["id"])
    except (OSError, ValueError, KeyError, TypeError):
        raise MpError(f"{folder} holds no whole round.", f"Run `mp data pull DATASET --to {folder}`.") from None


def _columns(path: Path) -> dict[str, list[Any]]:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ImportError:
        raise MpError("pyarrow is not installed.", "Run `pip install -r requirements.txt`.") from None
    try:
        columns: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
    except (OSError, ArrowInvalid) as error:
        raise MpError(f"{path} cannot be read: {error}.", "Run `mp data pull` again.") from None
    if not {"era", "id"} <= columns.keys():
        raise MpError(f"{path} has no eras and ids.", "Run `mp data pull` again.")
    return columns
