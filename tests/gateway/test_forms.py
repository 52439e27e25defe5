"""Forms with files to model services: held to the model, metered, and refused where two parsers could differ."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mercato_gateway.forms import Form, read_form
from mercato_gateway.refusals import Refused
from mercato_gateway.tokens import estimate_input
from tests.fakes.gateway_process import Shop
from tests.fakes.marketplace import a_limit
from tests.fakes.upstream import STREAM_HEAD, Received, answer, chunk
from tests.gateway.conftest import Stage
from tests.support.waiting import until

PRICES = {"per_call_nanos": 1, "per_1k_input_nanos": 1000, "per_1k_output_nanos": 2000}
AUDIO = bytes(range(256)) * 8 + b"\r\n--not the boundary\r\n\n"
TYPE = "multipart/form-data; boundary=edge"
SAID = b'{"text":"' + b"a" * 80 + b'"'
NOT_OF_TOKENS = b',"usage":{"type":"duration","seconds":9}}'


def part(name: str, value: bytes, more: str = "", lines: str = "") -> bytes:
    return f'--edge\r\nContent-Disposition: form-data; name="{name}"{more}\r\n{lines}\r\n'.encode() + value + b"\r\n"


MODEL, FILE, END = part("model", b"dear"), part("file", AUDIO, '; filename="a.wav"'), b"--edge--\r\n"


async def priced(stage: Stage, **terms: Any) -> Shop:
    return await stage.shop("speech", paths="any", plan=PRICES, **terms)


async def event_of(stage: Stage, shop: Shop) -> Any:
    def events() -> list[Any]:
        return [event for event in stage.control.events.values() if event.service_id == shop.service.id]

    return (await until(events))[0]


def says(whole: bytes, kind: str = "application/json") -> Callable[..., Any]:
    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, whole, kind))

    return script


def streams(*events: dict[str, Any] | str) -> Callable[..., Any]:
    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        for event in events:
            data = event if isinstance(event, str) else json.dumps(event)
            writer.write(chunk(f"data: {data}\n\n".encode()))
        writer.write(b"0\r\n\r\n")

    return script


async def send(
    stage: Stage, shop: Shop, body: bytes, kind: str = TYPE, path: str = "audio/transcriptions", **fields: str
) -> httpx.Response:
    headers = {"content-type": kind} | {name.replace("_", "-"): value for name, value in fields.items()}
    async with stage.gateway.client(shop.key) as client:
        return await client.post(f"/s/{shop.model}/{path}", content=body, headers=headers)


DELTAS = [{"type": "transcript.text.delta", "delta": "b" * 30}, {"type": "transcript.text.delta", "delta": "b" * 10}]
LAST = {"type": "transcript.text.done", "text": "b" * 40}
COUNTED = {**LAST, "usage": {"type": "tokens", "input_tokens": 5, "output_tokens": 7, "total_tokens": 12}}


@pytest.mark.parametrize(
    ("script", "tokens", "source"),
    [
        (says(SAID + b',"usage":{"type":"tokens","input_tokens":14,"output_tokens":45}}'), (14, 45), "provider"),
        (says(SAID + b"}"), (1002, 20), "estimated"),
        (says(SAID + NOT_OF_TOKENS), (1002, 20), "estimated"),
        (says(b"a" * 81, "text/plain"), (1002, 21), "estimated"),
        (says(b"a" * 81, "audio/mpeg"), (1002, 0), "estimated"),
        (says(b'{"id":"file-1","object":"file"}'), (1002, 0), "estimated"),
        (streams(*DELTAS, COUNTED), (5, 7), "provider"),
        (streams(*DELTAS, LAST), (1002, 10), "estimated"),
        (streams(LAST), (1002, 10), "estimated"),
        (streams({"text": "c" * 8}, {"text": "c" * 8}, "[DONE]"), (1002, 4), "estimated"),
        (streams("plain words,", "and more"), (1002, 5), "estimated"),
    ],
)
async def test_what_a_form_used_is_priced(
    stage: Stage, script: Callable[..., Any], tokens: tuple[int, int], source: str
) -> None:
    shop = await priced(stage)
    stage.upstream.script = script
    body = MODEL + part("prompt", b"Say it.") + FILE + END
    assert (await send(stage, shop, body)).status_code == 200
    event = await event_of(stage, shop)
    assert ((event.tokens_in, event.tokens_out), event.source) == (tokens, source)
    assert event.price_nanos == 1 + tokens[0] + 2 * tokens[1]
    assert (event.bytes_in, event.streamed) == (len(body), script.__qualname__.startswith("streams"))


async def test_a_form_is_held_before_it_is_sent(stage: Stage) -> None:
    """A file, 12 bytes of text and an answer of the usual length: 1,003 and 1,024 tokens."""
    limits = [a_limit("subscription", "tokens", "day", 2026)]
    narrow, wide = await priced(stage, limits=limits), await priced(
        stage, limits=[a_limit("subscription", "tokens", "day", 2027)]
    )  # fmt: skip
    body = MODEL + part("prompt", b"Say it then.") + FILE + END
    assert (await send(stage, narrow, body)).status_code == 429
    assert stage.upstream.received == []
    assert (await send(stage, wide, body)).status_code == 200


@pytest.mark.parametrize(
    ("model", "named"),
    [("e5", b"e5"), (None, b"dear"), ("vendor's \u00fcber--model", "vendor's \u00fcber--model".encode())],
)
async def test_the_model_is_the_deployments_and_all_else_as_it_came(
    stage: Stage, model: str | None, named: bytes
) -> None:
    shop = await priced(stage, deployment={"upstream_model": model})
    texts = part("timestamp_granularities[]", b"word") * 2 + part("stream", b"true")
    body = texts + FILE + part("model", b"dear", lines="Content-Type: text/plain\r\n") + END
    assert (await send(stage, shop, body)).status_code == 200
    assert stage.upstream.received[-1].body == body.replace(b"\r\n\r\ndear\r\n", b"\r\n\r\n" + named + b"\r\n")
    assert stage.upstream.received[-1].header("content-type") == TYPE
    unnamed = FILE + END
    assert (await send(stage, shop, unnamed)).status_code == 200
    assert stage.upstream.received[-1].body == unnamed


async def test_a_boundary_within_the_models_name_is_refused(stage: Stage) -> None:
    shop = await priced(stage, deployment={"upstream_model": "big--edge"})
    got = await send(stage, shop, MODEL + FILE + END)
    assert (got.status_code, got.json()["code"]) == (400, "bad_body")
    assert stage.upstream.received == []


WRONG: dict[str, tuple[bytes, str]] = {
    "no boundary": (MODEL + END, "multipart/form-data"),
    "empty boundary": (MODEL + END, "multipart/form-data; boundary="),
    "long boundary": ((MODEL + END).replace(b"edge", b"e" * 71), f"multipart/form-data; boundary={'e' * 71}"),
    "two boundaries": (MODEL + END, TYPE + "; boundary=other"),
    "boundary*": (MODEL + END, "multipart/form-data; boundary=edge; boundary*=utf-8''other"),
    "no end": (MODEL + FILE, TYPE),
    "behind the end": (END + MODEL + END, TYPE),
    "preamble": (b"hello\r\n" + MODEL + END, TYPE),
    "boundary within": (part("file", b"\n--edge\nx") + END, TYPE),
    "bare line ends": ((MODEL + END).replace(b"\r\n", b"\n"), TYPE),
    "padding": ((MODEL + END).replace(b"--edge\r", b"--edge \r"), TYPE),
    "two names": (part("file", b"x", '; name="model"') + END, TYPE),
    "name*": (part("file", b"x", "; name*=utf-8''model") + END, TYPE),
    "name*0": (part("file", b"x", '; name*0="model"') + END, TYPE),
    "escaped name": (part('mod\\"el', b"x") + END, TYPE),
    "escaped quote": (part("file", b"x", '; filename="a\\"; name=model') + END, TYPE),
    "no name": (MODEL.replace(b'; name="model"', b"") + END, TYPE),
    "no disposition": (b"--edge\r\n\r\ndear\r\n" + END, TYPE),
    "two dispositions": (part("a", b"x", lines='Content-Disposition: form-data; name="model"\r\n') + END, TYPE),
    "attachment": (MODEL.replace(b"form-data", b"attachment") + END, TYPE),
    "folded": (MODEL.replace(b"; name", b";\r\n name") + END, TYPE),
    "space before colon": (MODEL.replace(b"Disposition:", b"Disposition :") + END, TYPE),
    "bare return": (part("a", b"x", lines="X: a\rContent-Disposition: b\r\n") + END, TYPE),
    "long head": (part("a", b"x", lines=f"X: {'y' * 20_000}\r\n") + END, TYPE),
    "two models": (MODEL + MODEL + END, TYPE),
    "two streams": (part("stream", b"true") + part("stream", b"false") + END, TYPE),
    "model as a file": (part("model", b"dear", '; filename="m"') + END, TYPE),
    "model as a file*": (part("model", b"dear", "; filename*=utf-8''m") + END, TYPE),
    "model encoded": (part("model", b"ZGVhcg==", lines="Content-Transfer-Encoding: base64\r\n") + END, TYPE),
    "Model": (part("Model", b"dear") + END, TYPE),
    "model[]": (part("model[]", b"dear") + END, TYPE),
    "model in percent": (part("%6dodel", b"dear") + END, TYPE),
    "model and a space": (part("model ", b"dear") + END, TYPE),
    "nested": (part("a", b"x", lines="Content-Type: Multipart/Mixed; boundary=b\r\n") + END, TYPE),
    "many parts": (part("a", b"x") * 1001 + END, TYPE),
    "json": (b'{"model":"dear"}', TYPE),
}  # fmt: skip


async def test_a_form_that_could_be_read_in_two_ways_is_sent_to_nobody(stage: Stage) -> None:
    shop = await priced(stage)
    for what, (body, kind) in WRONG.items():
        got = await send(stage, shop, body, kind)
        assert (got.status_code, got.json()["code"]) == (400, "bad_body"), what
        assert got.json()["detail"].startswith("The form cannot be read: "), what
    got = await send(stage, shop, MODEL + END, content_encoding="deflate")
    assert (got.status_code, got.json()["code"]) == (400, "bad_body")
    async with stage.gateway.client(shop.key) as client:
        for kinds in ((TYPE, "application/json"), ("application/json", TYPE), (TYPE, TYPE)):
            headers = [("content-type", kind) for kind in kinds]
            for body in (MODEL + END, b'{"model":"dear"}'):
                got = await client.post(f"/s/{shop.model}/images/edits", content=body, headers=headers)
                assert (got.status_code, got.json()["code"]) == (400, "bad_body"), kinds
    assert stage.upstream.received == []


async def test_forms_to_other_services_are_not_looked_at(stage: Stage) -> None:
    place = await stage.shop("any", paths="any", protocol="openapi")
    for body, kind in [*WRONG.values(), (MODEL + FILE + END, TYPE)]:
        assert (await send(stage, place, body, kind, "x")).status_code == 200
        assert stage.upstream.received[-1].body == body
        assert stage.upstream.received[-1].header("content-type") == kind.rstrip()


PIECES = st.sampled_from(
    [
        b"--edge", b"--edge--", b"--", b"\r\n", b"\r", b"\n", b": ", b";", b'"', b"=", b" name=", b'"model"', b'"a"',
        b"\\", b"Content-Disposition: form-data", b"; filename=", b"*", b"%6d", b"\0", b"\xff", b"x", MODEL, FILE, END,
    ]
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(body=st.binary(max_size=200) | st.lists(PIECES, max_size=30).map(b"".join), kind=st.just(TYPE.encode()))
@example(body=END, kind=b"")
def test_no_bytes_are_more_than_refused(body: bytes, kind: bytes) -> None:
    with contextlib.suppress(Refused):
        assert read_form([(b"content-type", kind)], body).named(None) == body


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\\"), min_size=1, max_size=12).filter(
    lambda name: name.isprintable() and name.lower().strip()[:5] not in ("model", "strea")
)


@settings(max_examples=200, deadline=None)
@given(
    texts=st.dictionaries(NAMES, st.text(max_size=40), max_size=5),
    files=st.lists(st.tuples(NAMES, st.binary(max_size=200)), max_size=4),
    model=st.text(max_size=20),
)
def test_what_a_real_client_writes_is_read_back(
    texts: dict[str, str], files: list[tuple[str, bytes]], model: str
) -> None:
    def written(name: str) -> tuple[bytes, Form]:
        request = httpx.Request(
            "POST", "http://x", data={**texts, "model": name},
            files=[("file", ("a.bin", b"")), *[("file", (title, content)) for title, content in files]],
            headers={"content-type": "multipart/form-data; boundary=0123456789abcdef0123456789abcdef"},
        )  # fmt: skip
        body = request.read()
        return body, read_form([(b"content-type", request.headers["content-type"].encode())], body)

    body, form = written(model)
    assert form.named(None) == body
    assert form.named("e5") == written("e5")[0]
    count = sum(4000 if text.startswith("data:") else len(text.encode()) for text in texts.values())
    assert estimate_input(form.request) == -(-(count + 4000 * (1 + len(files))) // 4)
