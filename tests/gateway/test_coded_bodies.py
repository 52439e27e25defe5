"""Compressed bodies of requests: decoded within bounds where they are read, refused clearly where they cannot be."""

import gzip
import json
import time
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato_gateway.codes import REQUEST_CODINGS
from mercato_gateway.codings import decode
from mercato_gateway.refusals import Refused
from tests.fakes.gateway_process import Shop
from tests.gateway.conftest import Stage
from tests.support.waiting import until

MOST = 8 << 20
TEXT = json.dumps({"input": ["some text of a body", "\u00e9"] * 40}).encode()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def zstd_stream(data: bytes) -> bytes:
    """Without the size of its content in its head."""
    compressor = zstandard.ZstdCompressor().compressobj()
    return compressor.compress(data) + compressor.flush()


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


# A frame that is skipped (RFC 8878, 3.1.2), as some writers put before, between and after the others.
SKIPPED = b"\x5f\x2a\x4d\x18\x04\x00\x00\x00meta"

CODED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "x-gzip": gzip.compress, "GZip": gzip.compress, "deflate": zlib.compress, "zstd": zstd,
    "identity": bytes, "": bytes,
}  # fmt: skip


def decoded(body: bytes, *codings: str, most: int = MOST) -> bytes:
    return decode([(b"content-encoding", coding.encode()) for coding in codings], body, most)


def refused(body: bytes, *codings: str, most: int = MOST) -> str:
    with pytest.raises(Refused) as error:
        decoded(body, *codings, most=most)
    return error.value.code.name


@pytest.mark.parametrize("coding", CODED)
@given(data=st.binary(max_size=3_000))
@settings(max_examples=50, deadline=None)
def test_decodes_what_was_encoded(coding: str, data: bytes) -> None:
    assert decoded(CODED[coding](data), coding) == data


def test_decodes_other_forms_of_the_same() -> None:
    assert decoded(raw_deflate(TEXT), "deflate") == TEXT
    assert decoded(zstd_stream(TEXT), "zstd") == TEXT
    assert decoded(gzip.compress(TEXT) + gzip.compress(b"more"), "gzip") == TEXT + b"more"
    assert decoded(zstd(TEXT) + zstd(b"more"), "zstd") == TEXT + b"more"
    assert decoded(SKIPPED + zstd(TEXT) + SKIPPED + zstd(b"more"), "zstd") == TEXT + b"more"
    assert decoded(zstd(gzip.compress(TEXT)), "gzip, zstd") == TEXT
    assert decoded(zstd(gzip.compress(TEXT)), "gzip", " identity , ZSTD") == TEXT
    large = zlib.compress(bytes(range(256)) * 4_000)
    assert decoded(zstd(large), "zstd") == large


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_what_is_not_whole_is_refused(coding: str) -> None:
    body = CODED[coding](TEXT)
    for size in (0, 1, 5, 10, len(body) // 2, len(body) - 1):
        assert refused(body[:size], coding) == "bad_body", size
    for tail in (b"\0", b"x", b"{}", body[:7]):
        assert refused(body + tail, coding) == "bad_body", tail
    assert refused(TEXT, coding) == "bad_body"
    flipped = bytearray(gzip.compress(TEXT))
    flipped[-6] ^= 1
    assert refused(bytes(flipped), "gzip") == "bad_body"


@pytest.mark.parametrize("codings", [["br"], ["compress"], ["gzip, br"], ["gzip", "x"], ["zip"], ["gzip, gzip, gzip"]])
def test_other_codings_are_refused(codings: list[str]) -> None:
    assert refused(TEXT, *codings) == "unsupported_encoding"


@pytest.mark.parametrize(
    ("coding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstd), ("zstd", zstd_stream)]
)
def test_a_bomb_ends_early(coding: str, encode: Callable[[bytes], bytes]) -> None:
    bomb = encode(bytes(64 << 20))
    began = time.process_time()
    assert refused(bomb, coding) == "body_too_large"
    assert refused(gzip.compress(bomb), f"{coding}, gzip") == "body_too_large"
    assert time.process_time() - began < 2
    assert refused(encode(bytes(MOST // 4)), coding) == "body_too_large", "a ratio that no text has"
    assert decoded(encode(bytes(900_000)), coding) == bytes(900_000)
    assert refused(encode(TEXT), coding, most=len(TEXT) - 1) == "body_too_large"
    assert decoded(encode(TEXT), coding, most=len(TEXT)) == TEXT


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_members_without_end_are_refused_at_once(coding: str) -> None:
    assert refused(CODED[coding](b"") * 200_000, coding) == "bad_body"


@given(st.sampled_from(["gzip", "deflate", "zstd", "gzip, zstd"]), st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_decoded_or_refused(coding: str, body: bytes) -> None:
    for data in (body, CODED["gzip"](body)[:12] + body, CODED["zstd"](body)[:6] + body):
        try:
            decoded(data, coding)
        except Refused as error:
            code = error.code.name
        else:
            code = ""
        assert code in ("", "bad_body", "body_too_large")


# Through a gateway.


@pytest.fixture
async def chat(stage: Stage) -> Shop:
    return await stage.shop("chat", paths="any")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
async def test_the_upstream_gets_the_body_as_it_was_read_and_it_is_metered(
    stage: Stage, chat: Shop, coding: str
) -> None:
    text = "".join(f"word {number}, " for number in range(500))
    call = {"model": chat.model, "messages": [{"role": "user", "content": text}]}
    body = CODED[coding](json.dumps(call).encode())
    headers = {"content-encoding": coding, "content-type": "application/json"}
    before = set(stage.control.events)
    async with stage.gateway.client(chat.key) as client:
        for path in ("/v1/chat/completions", f"/s/{chat.model}/chat/completions"):
            assert (await client.post(path, content=body, headers=headers)).status_code == 200
    assert len(stage.upstream.received) == 2
    for seen in stage.upstream.received:
        assert seen.json["messages"][0]["content"] == text
        assert seen.header("content-encoding") is None
        assert seen.header("content-length") == str(len(seen.body))
    await until(lambda: len(stage.control.events.keys() - before) == 2)
    events = [event for key, event in stage.control.events.items() if key not in before]
    assert min(event.bytes_in for event in events) > 4_000, "what was read counts, not what was sent"


async def test_a_coding_that_is_not_known_is_a_415_that_names_those_that_are(stage: Stage, chat: Shop) -> None:
    async with stage.gateway.client(chat.key) as client:
        for path in ("/v1/chat/completions", "/v1/embeddings", f"/s/{chat.model}/chat/completions"):
            got = await client.post(path, content=b"\x0b\x02\x80{}\x03", headers={"content-encoding": "br"})
            assert (got.status_code, got.headers["accept-encoding"]) == (415, REQUEST_CODINGS)
            assert "unsupported_encoding" in got.text
        bomb = await client.post(
            "/v1/chat/completions", content=zstd(bytes(64 << 20)), headers={"content-encoding": "zstd"}
        )
        assert bomb.status_code == 413
    assert stage.upstream.received == []


async def test_a_service_that_is_no_model_gets_its_bodies_as_they_came(stage: Stage) -> None:
    place = await stage.shop("any", protocol="openapi", paths="any")
    async with stage.gateway.client(place.key) as client:
        for coding in ("br", "gzip", "unheard-of"):
            got = await client.post(f"/s/{place.model}/x", content=b"any bytes", headers={"content-encoding": coding})
            assert got.status_code == 200
    assert [(seen.header("content-encoding"), seen.body) for seen in stage.upstream.received] == [
        (coding, b"any bytes") for coding in ("br", "gzip", "unheard-of")
    ]
