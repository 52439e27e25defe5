"""Submissions made to freeze the worker: everybody else's go on in normal time, and every process answers."""

import time
from typing import Any

import httpx

from tests.e2e.conftest import PER_CALL, new_member, new_vendor
from tests.e2e.marketplace import Marketplace
from tests.e2e.parties import Member, Offer, greeting_offer
from tests.e2e.processes import until

HEADER = "-----BEGIN RSA PRIVATE KEY-----"
NORMAL_SECONDS = 60.0
"""Ten times what a release takes on a machine that does nothing else."""


def hostile(url: str, name: str, more: dict[str, Any], version: str = "1.0.0") -> Offer:
    """A greeter whose document carries more than it needs."""
    plain = greeting_offer(name, url, [PER_CALL], version=version)
    return Offer(plain.manifest, {**(plain.document or {}), **more})


def enum_of(count: int, begin: str) -> dict[str, Any]:
    """What callers send is one of so many words."""
    schema = {"type": "string", "enum": [f"{begin}{number:06}" for number in range(count)]}
    parameter = {"name": "word", "in": "query", "schema": schema}
    answer = {"200": {"description": "Said", "content": {"application/json": {"schema": schema}}}}
    operation = {"operationId": "say", "summary": "Say it", "parameters": [parameter], "responses": answer}
    return {"paths": {"/greeting": {"get": operation}}}


def submit_all(mallory: Member, url: str) -> list[str]:
    offers = [
        hostile(url, f"blanks-{blanks}", {"x-a": HEADER + " " * blanks, "x-b": HEADER + "\\n" * blanks})
        for blanks in (20_000, 190_000)
    ]
    offers.append(hostile(url, "aliases", {"x-a": {f"{'k' * 20_000}{n}": [n] * 50 for n in range(20)}}))
    offers.append(hostile(url, "enum", enum_of(40_000, "a")))
    return [mallory.submit(offer).id for offer in offers]


def test_hostile_submissions_hold_up_nobody_and_each_ends(marketplace: Marketplace) -> None:
    mallory, acme = new_member(marketplace, "mallory"), new_vendor(marketplace)
    worker, pid = f"{marketplace.worker_url}/readyz", marketplace.worker.pid
    waiting = submit_all(mallory, marketplace.vendor_url)
    for number in range(3):
        began = time.monotonic()
        acme.publish(greeting_offer(f"quick-{number}", marketplace.vendor_url, [PER_CALL]))
        assert time.monotonic() - began < NORMAL_SECONDS
        for address in (worker, f"{marketplace.control_url}/readyz"):
            assert httpx.get(address, timeout=20).status_code == 200
    ended = ("waiting", "released", "refused")
    for submission in waiting:
        until(lambda: mallory.submission(submission).state in ended, 300, every=0.2, what=f"{submission} ended")  # noqa: B023
    assert marketplace.worker.pid == pid


def test_enums_of_forty_thousand_that_have_nothing_in_common_are_compared_or_refused(marketplace: Marketplace) -> None:
    vendor, url = new_vendor(marketplace), marketplace.vendor_url
    vendor.publish(hostile(url, "enums", enum_of(40_000, "a")))
    second = vendor.submit(hostile(url, "enums", enum_of(40_000, "b"), version="2.0.0")).id
    began = time.monotonic()
    new_vendor(marketplace).publish(greeting_offer("beside-enums", url, [PER_CALL]))
    assert time.monotonic() - began < NORMAL_SECONDS
    ended = ("waiting", "released", "refused")
    until(lambda: vendor.submission(second).state in ended, 300, every=0.2, what="the second release ended")
    assert httpx.get(f"{marketplace.worker_url}/readyz", timeout=20).status_code == 200
