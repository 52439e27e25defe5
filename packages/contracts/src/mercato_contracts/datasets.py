"""Data rounds: what `/api/datasets` and `/api/rounds` receive and answer."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from mercato_contracts.fields import NextPage
from mercato_contracts.wire import Count, Slug, Wire

RoundState = Literal["open", "closed", "scored", "resolved"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
RoundId = Annotated[str, StringConstraints(pattern=r"^rnd_[0-9a-f]{32}$"), Field(description="The round's id, `rnd_…`")]
FileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\.parquet$")]
Era = Annotated[int, Field(ge=1, le=10_000_000, description="The number of an era: one trading day, from 1")]
Reason = Annotated[
    str,
    StringConstraints(min_length=3, max_length=2_000, strip_whitespace=True, pattern=r"^[^\x00]*$"),
    Field(description="Why, 3 to 2,000 characters"),
]
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

    name: Slug = Field(description="The dataset's name")
    title: str = Field(description="The title, in a few words")
    summary: str = Field(description="What it holds, in one sentence")
    is_private: bool = Field(description="Whether one organisation alone may use it")
    eras: Count | None = Field(description="How many eras its newest panel has; null before it is built")
    first_day: str | None = Field(description="The first trading day, 2026-11-02; null before it is built")
    last_day: str | None = Field(description="The last trading day; null before it is built")
    horizon_days: Count | None = Field(description="Trading days that a target looks ahead; null before it is built")
    lag_days: Count | None = Field(
        description="Trading days between an era and the start of its target; null before it is built"
    )
    rounds: Count = Field(description="How many rounds were opened")
    open_round: Count | None = Field(description="The number of the open round; null: none is open")


class SourceView(Wire):
    """A file of prices that was read."""

    package: str = Field(description="The package that the file came from")
    version: str = Field(description="The version of that package")
    file: str = Field(description="The file's path in the package")
    sha256: Sha256 = Field(description="SHA-256 of the file")
    gave: str = Field(description="What was read from it, in words")


class DatasetDetail(DatasetView):
    """A dataset with its card (Markdown), features and sources."""

    card: str = Field(description="What is to be known of it, Markdown")
    features: list[str] = Field(description="The names of its features")
    sources: list[SourceView] = Field(description="The files that it was made from")
    panel_sha256: Sha256 | None = Field(description="SHA-256 of its newest panel; null before it is built")


class DatasetList(Wire):
    """All datasets that the caller may use, by name."""

    items: list[DatasetView] = Field(description="The datasets, by name")


class RoundView(Wire):
    """One period of data. Eras are inclusive; training data ends with `train_last_era`, what follows is purged."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PLAN]})

    id: RoundId
    dataset: Slug = Field(description="The dataset's name")
    number: Count = Field(description="The round's number within its dataset, from 1")
    state: RoundState = Field(description="The round's state")
    first_era: Era = Field(description="The first era, inclusive")
    last_era: Era = Field(description="The last era, inclusive")
    train_last_era: Era = Field(description="The last era of the training data; the eras after it are purged")
    horizon_days: Count = Field(description="Trading days that a target looks ahead")
    lag_days: Count = Field(description="Trading days between an era and the start of its target")
    opened_at: datetime = Field(description="When it was opened, UTC")
    closes_at: datetime = Field(description="When it takes no more signals, UTC")
    embargo_until: datetime = Field(description="When its targets may be published, UTC")


class RoundFileView(Wire):
    """A file of a round. Its checksum is public from the beginning; `is_available` says whether it may be had yet."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_FILE, "is_available": True}]})

    name: FileName = Field(description="The file's name")
    bytes: Count = Field(description="The file's size in bytes")
    sha256: Sha256 = Field(description="SHA-256 of the file")
    rows: Count = Field(description="How many rows it has")
    is_available: bool = Field(description="Whether it may be downloaded now")


class TransitionView(Wire):
    """Who brought the round into a state, when and why."""

    state: RoundState = Field(description="The state that the round came into")
    by: str = Field(description="The id of the person or process")
    reason: str = Field(description="Why")
    at: datetime = Field(description="When, UTC")


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

    files: list[RoundFileView] = Field(description="The round's files")
    transitions: list[TransitionView] = Field(description="What happened to it, oldest first")
    scores_sha256: Sha256 | None = Field(description="SHA-256 of the published scores; null before they are")


class RoundPage(Wire):
    """Some rounds, the newest first; `next` is the `after` of the next page."""

    items: list[RoundView] = Field(description="The rounds of this page, newest first")
    next: NextPage


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

    name: FileName = Field(description="The file's name")
    bytes: Count = Field(description="The file's size in bytes")
    sha256: Sha256 = Field(description="SHA-256 of the file")
    rows: Count = Field(description="How many rows it has")
    url: str = Field(description="The link; whoever has it may download")
    expires_at: datetime = Field(description="When the link ends, UTC")


class BuildRequest(Wire):
    """Build a dataset's panel (operators). `organisation` alone may see it; everybody where none is named."""

    name: Slug = Field(default="us-equities-daily", description="The dataset's name")
    title: Annotated[str, StringConstraints(min_length=1, max_length=120)] = Field(
        default="US equities, daily", description="The title, 1 to 120 characters"
    )
    organisation: Slug | None = Field(
        default=None, description="The short name of the organisation that alone may use it; everybody when left out"
    )


class BuildAnswer(Wire):
    """The dataset, and whether the panel is a new one."""

    dataset: DatasetDetail = Field(description="The dataset")
    is_new: bool = Field(description="Whether the panel differs from the one before")


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
    first_era: Era | None = Field(
        default=None, description="The first era; when left out, the one after the last round"
    )
    eras: Annotated[int, Field(ge=1, le=260)] = Field(default=5, description="How many eras the round has, 1 to 260")
    open_seconds: Annotated[Seconds, Field(ge=1)] = Field(
        default=86_400, description="Seconds that it takes signals, at most a year"
    )
    embargo_seconds: Seconds = Field(
        default=6 * 86_400, description="Seconds from its opening until its targets are published, at most a year"
    )


class TransitionRequest(Wire):
    """Close or resolve a round (operators), and why."""

    reason: Reason
