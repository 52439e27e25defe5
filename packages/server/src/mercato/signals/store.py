"""Stores signals: authorised, signed, complete, in time, once. Each gets its place in the log."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydantic import ValidationError

from mercato.identity import Caller, Permission
from mercato.platform import Clock, Database, Ids, Outbox, Prepared, Session
from mercato.publishing import Catalogue
from mercato.signals.entries import write_entry, write_scores
from mercato.signals.kill import KillSwitches
from mercato.signals.live import LiveRounds, RoundIds, check_open, unknown_round
from mercato.signals.log import SignalLog
from mercato.signals.models import SignalEntry
from mercato.signals.refusals import (
    SignalDeploymentUnknown,
    SignalEraWrong,
    SignalFromTheFuture,
    SignalIdsWrong,
    SignalMalformed,
    SignalNotFinite,
    SignalTooLarge,
)
from mercato.signals.repository import LastWrite, SignalRepository
from mercato_contracts import ids as id_prefix
from mercato_contracts.ids import is_id
from mercato_contracts.merkle import leaf_hash
from mercato_contracts.problem import FieldError
from mercato_contracts.signals import SignalReceipt, SignalWrite, SignalWriteBatch

MOST_BYTES = 4 * 1024 * 1024
_AHEAD = timedelta(minutes=5)


class Signing(Protocol):
    """Verifies deployments' signatures."""

    async def check(self, deployment_id: str, body: bytes, header: str | None) -> None:
        """Raises a refusal unless `header` is the deployment's signature of `body`."""
        ...


@dataclass(frozen=True, slots=True)
class ReceivedBody:
    """A body parsed before the transaction, and what its rounds expect."""

    content: bytes
    writes: Prepared[Sequence[SignalWrite]]
    rounds: Mapping[str, RoundIds]


async def receive(database: Database, live: LiveRounds, caller: Caller, body: bytes) -> ReceivedBody:
    """Parse a body and read what its rounds expect, outside a transaction. Raises `NotAllowed`."""
    caller.require(Permission.SIGNALS_WRITE)
    writes = await Prepared.by(_read_within_bounds(body))
    rounds = await live.read(database, {write.round for write in writes.value or ()})
    return ReceivedBody(body, writes, rounds)


async def _read_within_bounds(body: bytes) -> Sequence[SignalWrite]:
    if len(body) > MOST_BYTES:
        raise SignalTooLarge(f"The body has {len(body)} bytes; the limit is {MOST_BYTES}.", most=MOST_BYTES)
    return read_writes(body)


class SignalStore:
    """Stores writes within one transaction: all of a body, or none."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox, signing: Signing) -> None:
        self._session = session
        self._rows = SignalRepository(session)
        self._catalogue = Catalogue(session)
        self._log = SignalLog(session, clock)
        self._switches = KillSwitches(session, clock, ids, outbox)
        self._clock = clock
        self._ids = ids
        self._signing = signing

    async def take(self, caller: Caller, body: ReceivedBody, signature: str | None) -> list[SignalReceipt]:
        """A receipt for each write of `body` (a `SignalWrite` or a `SignalWriteBatch`), in their order.

        A repeated write gets its earlier receipt. Raises `NotAllowed`, `SignalTooLarge`, `SignalMalformed`,
        `SignalNotFinite`, `SignalDeploymentUnknown`, `NotLinked`, `SignatureRefused`, `SignalRoundUnknown`,
        `SignalLate`,
        `SignalEraWrong`, `SignalIdsWrong`, `SignalFromTheFuture`.
        """
        caller.require(Permission.SIGNALS_WRITE)
        if isinstance(body.writes.refusal, SignalMalformed):
            await self._switch_off(caller, body.content, signature, body.writes.refusal)
        writes = body.writes.take()
        deployment_id = writes[0].deployment
        vendor_id = await self._vendor_of(caller, deployment_id)
        await self._signing.check(deployment_id, body.content, signature)
        await self._check(writes, body.rounds)
        return await self._append(vendor_id, deployment_id, writes)

    async def _switch_off(
        self, caller: Caller, content: bytes, signature: str | None, refusal: SignalMalformed
    ) -> None:
        """Switch off a deployment that signed a score that is not a number, and raise `SignalNotFinite`."""
        deployment_id = non_finite_deployment(content)
        if deployment_id is None:
            return
        await self._vendor_of(caller, deployment_id)
        await self._signing.check(deployment_id, content, signature)
        await self._switches.throw_automatically(deployment_id, "not-finite", "It signed a score that is not a number.")
        raise SignalNotFinite(refusal.detail, deployment=deployment_id)

    async def _vendor_of(self, caller: Caller, deployment_id: str) -> str:
        service = await self._catalogue.find_service_of(deployment_id)
        foreign = service is None or service.vendor_id != caller.organisation_id
        if service is None or foreign or caller.deployment_id not in (None, deployment_id):
            raise SignalDeploymentUnknown(
                f"{deployment_id} is no deployment that these credentials may act for.", deployment=deployment_id
            )
        return service.vendor_id

    async def _check(self, writes: Sequence[SignalWrite], rounds: Mapping[str, RoundIds]) -> None:
        latest = self._clock.now() + _AHEAD
        # Always in this order, to avoid a deadlock between transactions that hold several rounds.
        for round_id in sorted({write.round for write in writes}):
            await check_open(self._session, round_id)
            if round_id not in rounds:
                raise unknown_round(round_id)  # The round was opened while the body was parsed.
            for write in writes:
                if write.round != round_id:
                    continue
                if write.created_at > latest:
                    raise SignalFromTheFuture(
                        f"Era {write.era} was created at {write.created_at}, which is in the future."
                    )
                _check_ids(write, rounds[round_id])

    async def _append(self, vendor_id: str, deployment_id: str, writes: Sequence[SignalWrite]) -> list[SignalReceipt]:
        place, now = await self._log.begin_append()
        before = await self._rows.newest_of(deployment_id, [(write.round, write.era) for write in writes])
        receipts: list[SignalReceipt] = []
        rows: list[str] = []
        for write in writes:
            scores = write_scores(write.scores)
            digest = hashlib.sha256(scores.encode()).hexdigest()
            old = before.get((write.round, write.era))
            if old is not None and old.scores_sha256 == digest:
                receipts.append(view_receipt(old, is_repeated=True))
                continue
            entry = write_entry(
                deployment_id=deployment_id, round_id=write.round, era=write.era,
                scores_sha256=digest, received_at=now, place=place + len(rows),
            )  # fmt: skip
            receipt = SignalReceipt(
                id=self._ids.new(id_prefix.SIGNAL), deployment=deployment_id, round=write.round, era=write.era,
                place=place + len(rows), entry=entry, digest=leaf_hash(entry.encode()).hex(), received_at=now,
            )  # fmt: skip
            rows.append(_as_json(receipt, scores, digest, write.created_at))
            receipts.append(receipt)
        if rows:
            await self._rows.append(vendor_id, deployment_id, now, f"[{','.join(rows)}]")
        return receipts


def _as_json(receipt: SignalReceipt, scores: str, digest: str, created_at: datetime) -> str:
    """One row for `SignalRepository.append`; the scores' text is used as it is."""
    return (
        f'{{"place":{receipt.place},"id":"{receipt.id}","round_id":"{receipt.round}","era":{receipt.era},'
        f'"scores":{scores},"scores_sha256":"{digest}","entry":{json.dumps(receipt.entry)},'
        f'"leaf":"{receipt.digest}","created_at":"{created_at.isoformat()}"}}'
    )


def read_writes(body: bytes) -> Sequence[SignalWrite]:
    """The writes of a body. Raises `SignalMalformed` with the place."""
    try:
        parsed = json.loads(body, object_pairs_hook=_each_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise SignalMalformed(f"The body is not valid JSON: {str(error)[:200]}.") from None
    is_batch = isinstance(parsed, dict) and parsed.get("contract") == "signal-write-batch/1"
    try:
        return SignalWriteBatch.model_validate(parsed).writes if is_batch else [SignalWrite.model_validate(parsed)]
    except ValidationError as error:
        errors = [
            FieldError(field=".".join(str(part) for part in item["loc"]), code=item["type"], message=item["msg"])
            for item in error.errors(include_url=False, include_input=False, include_context=False)[:20]
        ]
        raise SignalMalformed(f"Not a signal write: {errors[0].field}: {errors[0].message}.", errors=errors) from None


def non_finite_deployment(body: bytes) -> str | None:
    """The deployment that a body names, where the body is invalid only because of NaN or an infinity."""
    seen: list[str] = []
    try:
        parsed = json.loads(body, object_pairs_hook=_each_once, parse_constant=lambda name: seen.append(name))
    except (ValueError, RecursionError):
        return None
    if isinstance(parsed, dict) and isinstance(parsed.get("writes"), list) and parsed["writes"]:
        parsed = parsed["writes"][0]
    named = parsed.get("deployment") if isinstance(parsed, dict) else None
    return named if seen and isinstance(named, str) and is_id(named, id_prefix.DEPLOYMENT) else None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # JSON allows a repeated name, and parsers disagree about which one counts.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _check_ids(write: SignalWrite, wanted: Mapping[int, frozenset[str]]) -> None:
    asked = wanted.get(write.era)
    if asked is None:
        raise SignalEraWrong(
            f"Era {write.era} is not part of this round, which has eras {min(wanted)} to {max(wanted)}.", era=write.era
        )
    if write.scores.keys() == asked:
        return
    unknown, missing = sorted(write.scores.keys() - asked), sorted(asked - write.scores.keys())
    raise SignalIdsWrong(
        f"Era {write.era}: {len(unknown)} ids are unknown and {len(missing)} are missing.",
        era=write.era,
        unknown=unknown[:5],
        missing=missing[:5],
    )


def view_receipt(row: SignalEntry | LastWrite, *, is_repeated: bool = False) -> SignalReceipt:
    return SignalReceipt(
        id=row.id,
        deployment=row.deployment_id,
        round=row.round_id,
        era=row.era,
        place=row.place,
        entry=row.entry,
        digest=row.leaf.hex(),
        received_at=row.received_at,
        is_repeated=is_repeated,
    )
