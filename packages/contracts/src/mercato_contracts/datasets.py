"""Data rounds: what `/api/datasets` and `/api/rounds` receive and answer."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from mercato_contracts.wire import Count, Slug, Wire

RoundState = Literal["open", "closed", "scored", "resolved"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
RoundId = Annotated[str, StringConstraints(pattern=r"^rnd_[0-9a-f]{32}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\.parquet$")]
Era = Annotated[int, Field(ge=1, le=10_000_000)]
Reason = Annotated[str, StringConstraints(min_length=3, max_length=2_000, strip_whitespace=True, pattern=r"^[^\x00]*$")]
Seconds = Annotated[int, Field(ge=0, le=365 * 86_400)]

_ROUND = "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807"
_SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_PLAN: dict[str, JsonValue] = {
    "id": _ROUND,
    "dataset": "us-equities-daily",
    "number": 1,
    "state": "open",
    "first_era": 7811,
    "last_era": 7815,
    "train_last_era": 7804,
    "horizon_days": 5,
    "lag_days": 1,
    "opened_at": "2026-11-02T09:00:00Z",
    "closes_at": "2026-11-03T09:00:00Z",
    "embargo_until": "2026-11-09T09:00:00Z",
}
_FILE: dict[str, JsonValue] = {"name": "live.parquet", "bytes": 11912, "sha256": _SHA, "rows": 100}


class DatasetView(Wire):
    """A dataset without its card. `first_day` and so on are those of its newest panel, absent before it is built."""

    name: Slug
    title: str
    summary: str
    is_private: bool
    eras: Count | None
    first_day: str | None
    last_day: str | None
    horizon_days: Count | None
    lag_days: Count | None
    rounds: Count
    open_round: Count | None


class SourceView(Wire):
    """A file of prices that was read."""

    package: str
    version: str
    file: str
    sha256: Sha256
    gave: str


class DatasetDetail(DatasetView):
    """A dataset with its card (Markdown), features and sources."""

    card: str
    features: list[str]
    sources: list[SourceView]
    panel_sha256: Sha256 | None


class DatasetList(Wire):
    """All datasets that the caller may use, by name."""

    items: list[DatasetView]


class RoundView(Wire):
    """One period of data. Eras are inclusive; training data ends with `train_last_era`, what follows is purged."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PLAN]})

    id: RoundId
    dataset: Slug
    number: Count
    state: RoundState
    first_era: Era
    last_era: Era
    train_last_era: Era
    horizon_days: Count
    lag_days: Count
    opened_at: datetime
    closes_at: datetime
    embargo_until: datetime


class RoundFileView(Wire):
    """A file of a round. Its checksum is public from the beginning; `is_available` says whether it may be had yet."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_FILE, "is_available": True}]})

    name: FileName
    bytes: Count
    sha256: Sha256
    rows: Count
    is_available: bool


class TransitionView(Wire):
    """Who brought the round into a state, when and why."""

    state: RoundState
    by: str
    reason: str
    at: datetime


class RoundDetail(RoundView):
    """A round with its files and what happened to it. `scores_sha256` is of the scores that the desk published."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_PLAN,
                    "files": [{**_FILE, "is_available": True}],
                    "transitions": [
                        {
                            "state": "open", "by": "usr_019ab3c1f2d47e0b8a6d5c4b3a291807",
                            "reason": "the first week of 2022", "at": "2026-11-02T09:00:00Z",
                        }
                    ],
                    "scores_sha256": None,
                }
            ]
        }
    )  # fmt: skip

    files: list[RoundFileView]
    transitions: list[TransitionView]
    scores_sha256: Sha256 | None


class RoundPage(Wire):
    """Some rounds, the newest first; `next` is the `after` of the next page."""

    items: list[RoundView]
    next: str | None


class FileGrant(Wire):
    """A link to a file: whoever has it may download, with ranges, until `expires_at`. Check size and SHA-256."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_FILE,
                    "url": "https://market.example/api/objects/rounds/r/live.parquet?expires=1&signature=0",
                    "expires_at": "2026-11-02T09:15:00Z",
                }
            ]
        }
    )

    name: FileName
    bytes: Count
    sha256: Sha256
    rows: Count
    url: str
    expires_at: datetime


class BuildRequest(Wire):
    """Build a dataset's panel (operators). `organisation` alone may see it; everybody where none is named."""

    name: Slug = "us-equities-daily"
    title: Annotated[str, StringConstraints(min_length=1, max_length=120)] = "US equities, daily"
    organisation: Slug | None = None


class BuildAnswer(Wire):
    """The dataset, and whether the panel is a new one."""

    dataset: DatasetDetail
    is_new: bool


class OpenRoundRequest(Wire):
    """Open a round (operators). Without `first_era` it follows the last round."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"reason": "the first week of 2022", "eras": 5, "open_seconds": 86400, "embargo_seconds": 518400}
            ]
        }
    )

    reason: Reason
    first_era: Era | None = None
    eras: Annotated[int, Field(ge=1, le=260)] = 5
    open_seconds: Annotated[Seconds, Field(ge=1)] = 86_400
    embargo_seconds: Seconds = 6 * 86_400


class TransitionRequest(Wire):
    """Close or resolve a round (operators), and why."""

    reason: Reason
