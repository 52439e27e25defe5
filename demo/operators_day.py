"""Chapter 11: an operator's day. What waits, one approval, one suspension and its end, the audit log, one person."""

import json
import time
import zipfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demo import buying
from demo.calling import Shop
from demo.command import Mp
from demo.control import WAIT_SECONDS, ControlRefused, Member, Visitor
from demo.publishing import Offer
from demo.report import Report
from demo.watch import Watch

_NEXT_VERSION = "1.0.1"
_DONE = {"approval.decided": 1, "organisation.changed": 2, "subject.erased": 1}
"""Entries that the day leaves at least in the audit log, by verb."""


@dataclass
class OperatorsDay:
    """One run of the chapter, with the operator's own `mp`, on a marketplace that runs."""

    report: Report
    visitor: Visitor
    operator: Member
    mp: Mp
    shop: Shop
    signals: Offer
    stopped_seconds: float = 0.0

    def run(self) -> None:
        """Raises what keeps the story from going on."""
        self.report.step(11, "An operator's day")
        # The proof of the sign-in may be older than ten minutes by now.
        self.mp("prove", stdin=self.operator.password)
        newcomer = self.visitor.sign_up("tide-lab", "Tide Lab")
        self._approve()
        self._suspend(newcomer)
        leaver = newcomer.add_colleague("viewer")
        self._hand_over(leaver)
        self._erase(newcomer, leaver)
        self._check_log()

    def tell_figures(self) -> None:
        """How quickly the suspension took hold, as a table."""
        self.report.table(["after a suspension", "time"], [["calls stop", f"{self.stopped_seconds:.2f} s"]])

    def _approve(self) -> None:
        """A new version waits; the overview says so, and the operator decides."""
        offer = replace(self.signals, version=_NEXT_VERSION)
        submission_id = offer.submit()
        offer.vendor.follow(submission_id, "waiting")
        overview = self.mp("overview")
        waiting = [each["submission_id"] for each in overview["approvals"]["oldest"]]
        self.report.agree("decisions that wait, by the overview", [submission_id], waiting)
        self.report.say("overview: " + _glance(overview))
        self.mp("approvals", "approve", submission_id, "--reason", "The same model, and every check has passed.")
        released = offer.vendor.follow(submission_id, "released")
        self.report.agree(f"{offer.service} once approved", _NEXT_VERSION, released.version)

    def _suspend(self, newcomer: Member) -> None:
        """Calls stop while somebody is calling, and go on when the suspension is lifted."""
        buyer = buying.subscribe(self.report, newcomer, [(self.signals, "per-call")])[0]
        client = self.shop.signal(buyer)

        def ask() -> tuple[int, str]:
            call = client.call()
            return call.status, call.code

        with Watch(f"{newcomer.slug}'s call", ask) as watch:
            watch.until_answered()
            began = time.time()
            self.operator.post(f"/api/organisations/{newcomer.slug}/suspend", {"reason": "A demonstration."})
            stopped = watch.until_refused() - began
            answered = watch.answered_later()
            lifted_at = time.time()
            self.mp("organisations", "reinstate", newcomer.slug, "--reason", "The demonstration is over.")
            watch.until_answered(since=lifted_at)
        client.close()
        self.report.agree("calls answered while it was suspended", [], answered)
        self.report.say(
            f"{newcomer.slug} suspended: calls stopped {stopped:.2f} s after the operator asked (the limit is 1 s), "
            f"with {', '.join(sorted(watch.codes()))}; reinstated, and calls are answered again"
        )
        self.stopped_seconds = stopped

    def _hand_over(self, leaver: Member) -> None:
        """A copy of what is known of a person."""
        person, out = self._id_of(leaver), self.mp.folder / "copy.zip"
        copy = self.mp("privacy", "export", person, "--out", str(out))
        with zipfile.ZipFile(out) as content:
            names = content.namelist()
            known = [leaver.email for name in names if leaver.email.encode() in content.read(name)]
        self.report.agree("whom the copy of what is known of a person names", {leaver.email}, set(known))
        self.report.say(f"copy {copy['id']}: {len(names)} files, {sum(copy['rows'].values())} rows")

    def _erase(self, newcomer: Member, leaver: Member) -> None:
        """Asked, waited for, and then nobody signs in with the address any more."""
        person = self._id_of(leaver)
        asked = self.mp("privacy", "erase", person, "--yes")
        done = self._await_erasure(asked["id"])
        emails = [each["email"] for each in newcomer.every("/api/users")]
        self.report.agree("people of tide-lab with the erased person's address", 0, emails.count(leaver.email))
        try:
            self.visitor.sign_in(leaver.email, leaver.password, newcomer.slug)
            self.report.disagree("the erased person signed in")
        except ControlRefused as refused:
            self.report.agree("the erased person's sign-in", 401, refused.status)
        self.report.say(
            f"erasure {asked['id']}: " + ", ".join(f"{n} {what}" for what, n in done["counts"].items() if n)
        )

    def _await_erasure(self, erasure_id: str) -> Any:
        deadline = time.monotonic() + WAIT_SECONDS
        while (found := self.mp("privacy", "show", erasure_id))["state"] != "done":
            if time.monotonic() > deadline:
                raise ControlRefused(f"{erasure_id} is {found['state']} after {WAIT_SECONDS} s")
        return found

    def _check_log(self) -> None:
        """The log has the whole day, and still is what was sealed although somebody was erased from it."""
        deadline, out = time.monotonic() + WAIT_SECONDS, self.mp.folder / "audit.jsonl"
        while True:
            self.mp("audit", "export", "--out", str(out))
            verbs = _verbs(out)
            missing = [verb for verb, least in _DONE.items() if verbs.get(verb, 0) < least]
            if not missing or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        self.report.agree("what the day should have left in the audit log and did not", [], missing)
        checked = self.mp("audit", "verify")
        self.report.agree("`mp audit verify`", "it holds", "it holds" if checked["holds"] else "it was altered")
        self.report.say(f"audit log: {sum(verbs.values())} entries exported, {checked['entries']} verified, "
                        f"head of size {checked['size']}")  # fmt: skip

    def _id_of(self, member: Member) -> str:
        return str(member.get("/api/me")["actor"])


def _glance(overview: Any) -> str:
    states = Counter(each["state"] for each in overview["services"])
    calls = overview["calls"]
    return (
        f"services: {', '.join(f'{count} {state}' for state, count in sorted(states.items()))}; "
        f"{overview['approvals']['waiting']} decision waits, "
        f"{calls['calls']:,} calls today of which {calls['failed']:,} failed"
    )


def _verbs(export: Path) -> dict[str, int]:
    return Counter(json.loads(line)["core"]["verb"] for line in export.read_text().splitlines())
