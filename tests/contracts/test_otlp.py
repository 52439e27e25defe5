"""Trace context as W3C has it, sampling, and a writer that bounds what waits."""

from collections.abc import Iterator

import pytest

from mercato_contracts.otlp import CollectorAway, CollectorRefused, OtlpWriter, try_collector
from mercato_contracts.tracing import SERVER, Span, TraceContext, Tracer, new_span_id, new_trace_id, read_parent
from tests.fakes.otlp_receiver import OtlpReceiver, collecting, read_spans
from tests.support.ports import free_port
from tests.support.waiting import until

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def collector() -> Iterator[OtlpReceiver]:
    with collecting() as receiver:
        yield receiver


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (f"00-{TRACE}-{PARENT}-01", TraceContext(TRACE, PARENT, True)),
        (f"00-{TRACE}-{PARENT}-00", TraceContext(TRACE, PARENT, False)),
        (f"00-{TRACE}-{PARENT}-03", TraceContext(TRACE, PARENT, True)),
        (f"cc-{TRACE}-{PARENT}-01-what-comes", TraceContext(TRACE, PARENT, True)),
        (f"00-{TRACE}-{PARENT}-01-more", None),
        (f"ff-{TRACE}-{PARENT}-01", None),
        (f"00-{TRACE.upper()}-{PARENT}-01", None),
        (f"00-{'0' * 32}-{PARENT}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        ("", None),
        ("\u0000" * 55, None),
    ],
)
def test_reads_a_parent_as_w3c_has_it(text: str, read: TraceContext | None) -> None:
    assert read_parent(text) == read


class Kept:
    """A writer that keeps what it gets."""

    def __init__(self) -> None:
        self.spans: list[bytes] = []

    def add(self, span: bytes) -> None:
        self.spans.append(span)


def test_about_the_ratio_is_sampled_whatever_id_a_stranger_chose() -> None:
    chosen = f"00-{'0' * 31}1-{PARENT}-01"
    for sent in ("", chosen):
        taken = [Tracer(Kept(), 0.1).begin(sent, trusts_caller=False).context.sampled for _ in range(20_000)]
        assert 1_600 < sum(taken) < 2_400
        assert not any(Tracer(Kept(), 0.0).begin(sent, trusts_caller=False).context.sampled for _ in range(100))
        assert all(Tracer(Kept(), 1.0).begin(sent, trusts_caller=False).context.sampled for _ in range(100))


def test_a_stranger_does_not_decide_what_is_sampled() -> None:
    asked = f"00-{TRACE}-{PARENT}-01"
    assert not Tracer(Kept(), 0.0).begin(asked, trusts_caller=False).context.sampled
    own = Tracer(Kept(), 0.0).begin(asked, trusts_caller=True)
    assert (own.context.sampled, own.context.trace_id) == (True, TRACE)
    assert not Tracer(Kept(), 1.0).begin(asked[:-1] + "0", trusts_caller=True).context.sampled


def test_failures_are_written_within_a_bound() -> None:
    kept = Kept()
    tracer = Tracer(kept, 0.0)
    for _ in range(5_000):
        tracer.begin("", trusts_caller=False).end("GET /", SERVER, {}, "status_500")
    tracer.begin("", trusts_caller=False).end("GET /", SERVER, {})
    assert 100 <= len(kept.spans) < 5_000


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_a_ratio_is_between_nothing_and_all(ratio: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Tracer(Kept(), ratio)


def _span(name: str = "GET /") -> bytes:
    return Span(
        TraceContext(new_trace_id(), new_span_id(), True), "", name, SERVER, 5, 3, {"it": True, "n": 7}
    ).encode()


def test_any_text_is_told_as_the_protocol_wants_it() -> None:
    wire = b'{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"x"}}]},'
    spans = b",".join(_span(name) for name in ('quote " and \\', "Ä 漢 \u0000", ""))
    seen = read_spans(wire + b'"scopeSpans":[{"spans":[' + spans + b"]}]}]}")
    assert [span.name for span in seen] == ['quote " and \\', "Ä 漢 \u0000", ""]
    assert seen[0].attributes == {"it": True, "n": 7}
    assert seen[0].seconds == 0


async def test_what_waits_is_bounded_and_the_oldest_goes_first(collector: OtlpReceiver) -> None:
    seen: list[str] = []
    writer = OtlpWriter(collector.url, "mercato-test", "1", lambda event, reason: seen.append(event))
    collector.answers = 503
    for number in range(10_000):
        writer.add(_span(str(number)))
    await until(lambda: "collector_away" in seen)
    assert writer.dropped >= 10_000 - 4096 - 512
    collector.answers = 200
    await until(lambda: writer.exported + writer.dropped == 10_000)
    names = [int(span.name) for span in collector.spans]
    assert max(names) == 9_999
    assert len(set(names)) == len(names) == writer.exported
    await until(lambda: seen[-1] == "collector_back")
    writer.close()


async def test_spans_that_a_collector_took_in_part_are_counted(collector: OtlpReceiver) -> None:
    seen: list[tuple[str, str]] = []
    writer = OtlpWriter(collector.url, "mercato-test", "1", lambda event, reason: seen.append((event, reason)))
    collector.body = b'{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}'
    writer.add(_span())
    writer.add(_span())
    await until(lambda: seen)
    await until(lambda: writer.exported == 1)
    assert (seen, writer.dropped) == ([("spans_refused", "too old")], 1)
    writer.close()


def test_a_collector_is_tried_without_a_span(collector: OtlpReceiver) -> None:
    try_collector(collector.url)
    with pytest.raises(CollectorRefused, match="404"):
        try_collector(collector.url + "/elsewhere")
    with pytest.raises(CollectorAway, match="refused"):
        try_collector(f"http://127.0.0.1:{free_port()}")
    collector.answers = 503
    with pytest.raises(CollectorAway, match="503"):
        try_collector(collector.url)
