"""The SignalInference contract: what a signal service receives and answers, and what a deployment writes to the desk.

Version 1 hands over past prices, version 2 the features of a data round. A deployment's scores for an era of a round
are sent as `signal-write/1` to `POST /api/signals/store`, signed; the desk answers with a receipt, and proves later
that the receipt stands in its log.
"""

import itertools
import math
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field, Strict, StringConstraints, field_validator, model_validator

from mercato_contracts.fields import CONTRACT
from mercato_contracts.wire import Wire

Ticker = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[A-Z0-9][A-Z0-9.-]*$")]


class PriceBar(Wire):
    """The adjusted close of one name on one day."""

    day: date = Field(description="The trading day")
    close: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(description="The adjusted closing price, above 0")


class SignalInferenceRequest(Wire):
    """Past prices, oldest first, one series a name; the signal is wanted for the day after `as_of`."""

    contract: Annotated[Literal["signal-inference/1"], CONTRACT] = "signal-inference/1"
    as_of: date = Field(description="The last day that the signal may know")
    history: dict[Ticker, list[PriceBar]] = Field(
        min_length=1, max_length=5_000, description="Past prices by ticker, oldest first"
    )

    @model_validator(mode="after")
    def _nothing_from_the_future(self) -> "SignalInferenceRequest":
        for ticker, bars in self.history.items():
            days = [bar.day for bar in bars]
            if days != sorted(set(days)):
                raise ValueError(f"history.{ticker}: days must ascend without a duplicate")
            if days and days[-1] > self.as_of:
                raise ValueError(f"history.{ticker}: {days[-1]} lies after as_of {self.as_of}")
        return self


class SignalInferenceResponse(Wire):
    """One score in [-1, 1] for each name asked for: the higher, the better the expected return."""

    contract: Annotated[Literal["signal-inference/1"], CONTRACT] = "signal-inference/1"
    as_of: date = Field(description="The day that was asked for")
    model: str = Field(description="The name of the model that answered")
    horizon_days: Annotated[int, Field(ge=1, le=252)] = Field(
        description="Trading days that the scores look ahead, 1 to 252"
    )
    scores: dict[Ticker, float] = Field(description="A score in [-1, 1] for each ticker")

    @field_validator("scores")
    @classmethod
    def _bounded(cls, scores: dict[str, float]) -> dict[str, float]:
        for ticker, score in scores.items():
            if not math.isfinite(score) or not -1 <= score <= 1:
                raise ValueError(f"scores.{ticker}: {score} lies outside [-1, 1]")
        return scores


Era = Annotated[int, Field(ge=1, le=1_000_000, description="The number of an era: one trading day, from 1")]
"""One trading day of the data rounds, numbered from 1."""

EraId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""The name of one stock within one era, obscured: the same stock has another id in another era."""

FeatureName = Annotated[str, StringConstraints(pattern=r"^feature_[a-z0-9_]{1,60}$")]
RoundId = Annotated[str, StringConstraints(pattern=r"^rnd_[0-9a-f]{32}$"), Field(description="The round's id, `rnd_…`")]
DeploymentId = Annotated[
    str, StringConstraints(pattern=r"^dep_[0-9a-f]{32}$"), Field(description="The deployment's id, `dep_…`")
]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest, 64 lower-case hexadecimal digits."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Score = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
"""In [-1, 1]: the higher, the better the expected return against the other ids of the era."""

SIGNATURE_HEADER = "Mercato-Signature"
"""`ed25519=<base64>`: the deployment's Ed25519 signature (RFC 8032) over the exact bytes of the body."""

_ROUND = "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807"
_DEPLOYMENT = "dep_019ab3c1f2d47e0b8a6d5c4b3a291807"


class EraFeatures(Wire):
    """The features of one era: one row of `values` an id, one column a feature, in the order of the request's list."""

    era: Era
    ids: list[EraId] = Field(min_length=1, max_length=5_000, description="The obscured ids of the era, 1 to 5,000")
    values: list[list[Finite]] = Field(description="One row for each id, one column for each feature")

    @model_validator(mode="after")
    def _a_row_for_each_id(self) -> "EraFeatures":
        if len(set(self.ids)) != len(self.ids):
            raise ValueError(f"era {self.era}: an id stands there twice")
        if len(self.values) != len(self.ids):
            raise ValueError(f"era {self.era}: {len(self.values)} rows of values for {len(self.ids)} ids")
        return self


class SignalInferenceRequestV2(Wire):
    """Features of consecutive eras, oldest first. The scores of an era may depend on that era and earlier ones only."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "contract": "signal-inference/2",
                    "round": _ROUND,
                    "features": ["feature_momentum_20", "feature_volatility_60"],
                    "eras": [{"era": 8001, "ids": ["n3f0a", "n91bc"], "values": [[0.42, -1.3], [-0.08, 0.6]]}],
                }
            ]
        }
    )

    contract: Annotated[Literal["signal-inference/2"], CONTRACT] = "signal-inference/2"
    round: RoundId
    features: list[FeatureName] = Field(
        min_length=1, max_length=2_000, description="The names of the features, in the order of the columns"
    )
    eras: list[EraFeatures] = Field(
        min_length=1, max_length=10_000, description="The features of each era, oldest first"
    )

    @model_validator(mode="after")
    def _whole(self) -> "SignalInferenceRequestV2":
        if len(set(self.features)) != len(self.features):
            raise ValueError("features: a name stands there twice")
        _must_ascend([era.era for era in self.eras])
        for era in self.eras:
            if any(len(row) != len(self.features) for row in era.values):
                raise ValueError(f"era {era.era}: each row of values has {len(self.features)} columns")
        return self


class EraScores(Wire):
    """One score for each id of an era."""

    era: Era
    scores: dict[EraId, Score] = Field(min_length=1, max_length=5_000, description="A score in [-1, 1] for each id")


class SignalInferenceResponseV2(Wire):
    """The scores of the eras that were asked for, in their order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "contract": "signal-inference/2",
                    "model": "momentum-ridge",
                    "eras": [{"era": 8001, "scores": {"n3f0a": 0.31, "n91bc": -0.12}}],
                }
            ]
        }
    )

    contract: Annotated[Literal["signal-inference/2"], CONTRACT] = "signal-inference/2"
    model: str = Field(
        min_length=1, max_length=200, description="The name of the model that answered, 1 to 200 characters"
    )
    eras: list[EraScores] = Field(
        min_length=1, max_length=10_000, description="The scores of each era, in the order asked for"
    )

    @model_validator(mode="after")
    def _in_order(self) -> "SignalInferenceResponseV2":
        _must_ascend([era.era for era in self.eras])
        return self


def _must_ascend(eras: list[int]) -> None:
    if any(later <= earlier for earlier, later in itertools.pairwise(eras)):
        raise ValueError("eras: they must ascend without a duplicate")


class SignalWrite(Wire):
    """A deployment's scores for one era of an open round. The last write before the round closes counts.

    Numbers must be JSON numbers: `"0.5"` and `true` are refused, not converted.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "contract": "signal-write/1",
                    "deployment": _DEPLOYMENT,
                    "round": _ROUND,
                    "era": 8001,
                    "scores": {"n3f0a": 0.31, "n91bc": -0.12},
                    "created_at": "2026-11-02T21:15:00Z",
                }
            ]
        }
    )

    contract: Annotated[Literal["signal-write/1"], CONTRACT] = "signal-write/1"
    deployment: DeploymentId
    round: RoundId
    era: Annotated[Era, Strict()]
    scores: dict[EraId, Annotated[Score, Strict()]] = Field(
        min_length=1, max_length=5_000, description="A score in [-1, 1] for each id"
    )
    created_at: AwareDatetime = Field(description="When the deployment made it, with its offset")


class SignalWriteBatch(Wire):
    """Many writes of one deployment under one signature: all are taken or none."""

    contract: Annotated[Literal["signal-write-batch/1"], CONTRACT] = "signal-write-batch/1"
    writes: list[SignalWrite] = Field(min_length=1, max_length=1_000, description="The writes, 1 to 1,000")

    @model_validator(mode="after")
    def _one_deployment(self) -> "SignalWriteBatch":
        if len({write.deployment for write in self.writes}) != 1:
            raise ValueError("writes: all are of one deployment, whose key signs the batch")
        eras = {(write.round, write.era) for write in self.writes}
        if len(eras) != len(self.writes):
            raise ValueError("writes: an era of a round stands there twice")
        return self


class SignalReceipt(Wire):
    """Confirms that a write was stored; the log keeps `digest` for ever.

    `digest` is the leaf hash of RFC 6962, section 2.1, over `entry`: SHA-256 of a zero byte and the entry's bytes. The
    entry is JSON without spaces and with sorted keys: the write's digest, who wrote, and when the desk received it.
    """

    id: str = Field(description="The entry's id, `sig_…`")
    deployment: DeploymentId
    round: RoundId
    era: Era
    place: int = Field(ge=0, description="The number of the entry in the log, from 0")
    entry: str = Field(description="The exact text of the log's entry, JSON")
    digest: Sha256 = Field(description="The entry's leaf hash")
    received_at: datetime = Field(description="When the desk received it, UTC")
    is_repeated: bool = Field(default=False, description="Whether the same scores were there already")


class SignalReceipts(Wire):
    """One receipt for each write, in their order."""

    items: list[SignalReceipt] = Field(description="The receipts, in the order of the writes")


class TreeHead(Wire):
    """The state of the log at the end of an hour, signed by the marketplace.

    `root` is the Merkle tree hash of the first `size` entries (RFC 6962, section 2.1). `signature` is Ed25519, base64,
    over the UTF-8 bytes of `mercato-signals/1`, `size`, `root` and `at` joined by line feeds (`at` as it stands here).
    """

    size: int = Field(ge=0, description="The number of entries that the head covers")
    root: Sha256 = Field(description="The Merkle tree hash of the first `size` entries")
    at: str = Field(description="When it was signed, RFC 3339 in UTC")
    key: str = Field(description="The marketplace's Ed25519 public key, base64 of 32 bytes")
    signature: str = Field(description="Ed25519 signature, base64")


def tree_head_bytes(size: int, root: str, at: str) -> bytes:
    """What a head's signature is made over."""
    return "\n".join(("mercato-signals/1", str(size), root, at)).encode()


class SignalProof(Wire):
    """That an entry stands in the log: `path` leads from it to the root of `head` (RFC 6962, section 2.1.1)."""

    place: int = Field(ge=0, description="The number of the entry in the log, from 0")
    entry: str = Field(description="The exact text of the log's entry, JSON")
    path: list[Sha256] = Field(description="Hashes from the entry's neighbour up to the root")
    head: TreeHead = Field(description="The signed head that the path leads to")


class SignalConsistency(Wire):
    """That a later log only added to an earlier one (RFC 6962, section 2.1.2)."""

    first: TreeHead = Field(description="The earlier head")
    second: TreeHead = Field(description="The later head")
    path: list[Sha256] = Field(description="Hashes that prove it")
