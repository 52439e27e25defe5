"""Ids, keys, money and prices: what everything else leans on."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import validator_for
from pydantic import ValidationError

from mercato_contracts import export
from mercato_contracts.ids import is_id, make_id
from mercato_contracts.keys import KINDS, MalformedKey, make_key, mask_keys, parse_key
from mercato_contracts.manifest import Price, ServiceManifest
from mercato_contracts.money import CurrencyMismatch, Money, parse_amount
from mercato_contracts.pricing import Charge, charge, is_owed
from mercato_contracts.signals import SignalInferenceRequest, SignalInferenceResponse

price, units = st.integers(0, 10**9), st.integers(0, 10**6)
entropy = st.binary(min_size=32, max_size=32)
key_ids = st.builds(make_id, st.just("key"), st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))


class TestIds:
    @given(st.integers(0, 2**48 - 2), st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
    def test_ids_sort_by_the_time_they_were_made(self, at: int, one: bytes, other: bytes) -> None:
        assert make_id("svc", at, one) < make_id("svc", at + 1, other)

    def test_the_layout_is_rfc_9562s(self) -> None:
        made = make_id("svc", 0x017F22E279B0, bytes.fromhex("0cc3" + "18c4dc0c0c07398f"))
        assert made == "svc_017f22e279b07cc398c4dc0c0c07398f"
        assert is_id(made, "svc")
        assert not is_id(made, "rel")


class TestKeys:
    @given(st.sampled_from(KINDS), key_ids, entropy)
    def test_what_was_made_parses_back(self, kind: str, key_id: str, random: bytes) -> None:
        assert kind in ("ck", "vk", "sit", "scim")
        text = make_key(kind, key_id, random)  # type: ignore[arg-type]
        parsed = parse_key(text)
        assert (parsed.kind, parsed.key_id) == (kind, key_id)
        assert parsed.secret not in repr(parsed)

    @given(key_ids, entropy, st.integers(0, 83), st.sampled_from("0123456789abcdefXYZ_-\n"))
    def test_any_single_wrong_character_is_refused(self, key_id: str, random: bytes, at: int, put: str) -> None:
        text = make_key("ck", key_id, random)
        broken = text[:at] + put + text[at + 1 :]
        if broken != text:
            with pytest.raises(MalformedKey):
                parse_key(broken)

    @given(st.text(), key_ids, entropy, st.text(alphabet=" \n\"'=:,", min_size=1))
    def test_a_key_is_masked_wherever_it_stands(self, around: str, key_id: str, random: bytes, edge: str) -> None:
        text = make_key("vk", key_id, random)
        masked = mask_keys(f"{around}{edge}{text}{edge}{around}")
        assert parse_key(text).secret not in masked
        assert key_id.removeprefix("key_") in masked


class TestMoney:
    @given(st.integers(-(10**18), 10**18))
    def test_what_is_shown_is_exact(self, nanos: int) -> None:
        assert Decimal(str(Money(nanos)).split()[0]) * 10**9 == nanos

    def test_different_currencies_do_not_add_up(self) -> None:
        with pytest.raises(CurrencyMismatch):
            Money(1, "USD") + Money(1, "EUR")

    @pytest.mark.parametrize(("text", "nanos"), [(0.002, 2_000_000), ("0.00002", 20_000), (49, 49_000_000_000)])
    def test_decimals_are_read_as_a_person_wrote_them(self, text: str | float, nanos: int) -> None:
        assert parse_amount(text) == nanos

    @pytest.mark.parametrize("text", ["0.0000000001", "NaN", "Infinity", "1e-10", "abc", "", "1,5"])
    def test_what_is_no_whole_nano_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r".+"):
            parse_amount(text)
        with pytest.raises(ValidationError):
            Price(per_call=text)


class TestPricing:
    @given(
        price, price, price, st.sampled_from([None, "requests", "tokens"]), units, units, units
    )  # fmt: skip
    def test_more_cover_never_costs_more_and_never_covers_more_than_was_used(
        self, per_call: int, per_in: int, per_out: int, unit: str | None, included: int, tokens_in: int, tokens_out: int
    ) -> None:
        def price(covered: int) -> Charge:
            return charge(
                per_call_nanos=per_call,
                per_1k_input_nanos=per_in,
                per_1k_output_nanos=per_out,
                included_unit=unit,  # type: ignore[arg-type]
                included=covered,
                tokens_in=tokens_in,
                tokens_out=tokens_out,
            )

        full, covered = price(0), price(included)
        assert 0 <= covered.nanos <= full.nanos
        assert covered.included <= max(tokens_in + tokens_out, 1)

    @pytest.mark.parametrize(
        ("status", "owed"),
        [(200, True), (404, True), (422, True), (499, True), (401, False), (403, False), (429, False), (503, False)],
    )
    def test_a_service_that_failed_or_refused_to_serve_is_not_paid(self, status: int, owed: bool) -> None:
        assert is_owed(status) is owed

    def test_each_sum_is_rounded_up_once(self) -> None:
        terms = {"per_call_nanos": 0, "per_1k_input_nanos": 1, "per_1k_output_nanos": 1}
        assert charge(**terms, included_unit=None, included=0, tokens_in=1, tokens_out=1) == Charge(0, 2)
        assert charge(**terms, included_unit=None, included=0, tokens_in=1000, tokens_out=0) == Charge(0, 1)

    def test_a_covered_request_owes_nothing_and_covered_tokens_come_off_the_input_first(self) -> None:
        terms = {"per_call_nanos": 5, "per_1k_input_nanos": 1000, "per_1k_output_nanos": 3000}
        assert charge(**terms, included_unit="requests", included=1, tokens_in=9, tokens_out=9) == Charge(1, 0)
        assert charge(**terms, included_unit="tokens", included=12, tokens_in=10, tokens_out=4) == Charge(12, 5 + 6)


MANIFEST = {
    "mercato": 1,
    "name": "embedder",
    "version": "1.0.0",
    "title": "Embedder",
    "summary": "Turns sentences into vectors",
    "protocol": "openai",
    "task": "embeddings",
    "endpoint": {"url": "http://127.0.0.1:9101/v1"},
    "plans": [{"name": "free"}],
    "licence": "MIT",
}


class TestManifest:
    def test_the_least_manifest_is_accepted(self) -> None:
        assert ServiceManifest.model_validate(MANIFEST).plans[0].price.nanos("per_call") == 0

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"version": "1.0"}, "version"),
            ({"version": "v1.0.0"}, "version"),
            ({"name": "Embedder"}, "name"),
            ({"plans": []}, "plans"),
            ({"plans": [{"name": "a"}, {"name": "a"}]}, "plans"),
            ({"plans": [{"name": "a", "price": {"per_call": -1}}]}, "plans"),
            ({"endpoint": {"url": "ftp://host/v1"}}, "endpoint"),
            ({"protocol": "signal"}, ""),
            ({"unknown": 1}, "unknown"),
            ({"mercato": 2}, "mercato"),
        ],
    )
    def test_a_wrong_field_is_named(self, change: dict[str, object], field: str) -> None:
        with pytest.raises(ValidationError) as error:
            ServiceManifest.model_validate({**MANIFEST, **change})
        assert field in ".".join(str(part) for part in error.value.errors()[0]["loc"])


class TestSignals:
    def test_history_after_as_of_is_refused(self) -> None:
        history = {"AAPL": [{"day": "2022-01-04", "close": 180.0}]}
        with pytest.raises(ValidationError, match="lies after as_of"):
            SignalInferenceRequest.model_validate({"as_of": "2022-01-03", "history": history})

    @pytest.mark.parametrize("score", [1.01, float("nan"), float("-inf")])
    def test_a_score_outside_its_range_is_refused(self, score: float) -> None:
        with pytest.raises(ValidationError, match="lies outside"):
            SignalInferenceResponse.model_validate(
                {"as_of": "2022-01-03", "model": "m", "horizon_days": 5, "scores": {"AAPL": score}}
            )


class TestExport:
    def test_the_published_schemas_are_those_of_the_code(self) -> None:
        folder = Path(__file__).parents[2] / "packages/contracts/schema"
        published = {path.name.removesuffix(".schema.json"): json.loads(path.read_text()) for path in folder.iterdir()}
        assert published == export.schemas(), "run: .venv/bin/mercato-contracts schema packages/contracts/schema"

    def test_the_command_prints_schemas_that_validate(self) -> None:
        printed = subprocess.run(
            [sys.executable, "-m", "mercato_contracts.export", "schema"], capture_output=True, check=True, text=True
        )
        schema = json.loads(printed.stdout)["manifest"]
        manifest = validator_for({**schema, "$ref": "#/$defs/ServiceManifest"})
        assert manifest.is_valid(MANIFEST)
        assert not manifest.is_valid({**MANIFEST, "version": "one"})
