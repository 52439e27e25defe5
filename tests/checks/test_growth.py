"""No check of foreign text takes more than its length: twice the text, about twice the time.

Each input is made at a size and at four times that size. Four times the work is linear, sixteen times quadratic; a
machine under load blurs that, so the best of several measurements of processor time counts, and tenfold is too much.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from mercato_checks.addresses import _parse
from mercato_checks.diff import check_version, diff_documents
from mercato_checks.manifest import check_manifest
from mercato_checks.openapi import check_openapi, read_document
from mercato_checks.openapi.document import Document
from mercato_checks.probe.shape import Shape
from mercato_checks.secrets import scan_text, scan_tree
from mercato_checks.semver import NotSemVer, Range, Version
from mercato_contracts.masking import mask

_TIMES, _MOST_GROWTH = 4, 10.0
_TOO_SHORT_SECONDS = 0.02
"""Below it the clock and the allocator decide; what is quadratic at these sizes takes longer."""

KEY = "-----BEGIN RSA PRIVATE KEY-----"


def api(**more: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {"title": "A", "version": "1.0.0"}, "paths": {}} | more


def described(**more: Any) -> str:
    return json.dumps(api(**more))


def schemas(**more: Any) -> str:
    return described(components={"schemas": more})


def scan(text: str) -> object:
    return scan_tree({"a": text}, "openapi"), scan_text(text)


def checked(text: str) -> object:
    return check_openapi(text, "", "1.0.0")


def scanned(text: str) -> object:
    document, _ = read_document(text)
    return None if document is None else scan_tree(document.tree, "openapi")


def shape(count: int) -> object:
    tree = api(components={"schemas": {"A": {"enum": [f"v{n}" for n in range(count)]}}})
    schema = {"type": "array", "items": {"$ref": "#/components/schemas/A"}}
    return Shape(Document(tree, "3.1", "json", 0)).first_mismatch(schema, [f"v{count - 1}"] * count)


def version_or_range(text: str) -> None:
    for read in (Version.parse, Range.parse):
        try:
            read(text)
        except NotSemVer:
            continue


def read_yaml_of(text: str) -> object:
    return read_document(text, "a.yaml")


def compared(trees: list[dict[str, Any]]) -> object:
    return diff_documents(*(Document(tree, "3.1", "json", 0) for tree in trees))


def family(count: int, side: str) -> dict[str, Any]:
    """As many children as their base has required names and names of forms."""
    base = {"$ref": "#/components/schemas/Base"}
    mapping = {f"m{i}": f"#/components/schemas/C{i}" for i in range(count)}
    made: dict[str, Any] = {f"C{i}": {"allOf": [base, {"maxProperties": i + (side == "b")}]} for i in range(count)}
    made["Base"] = {
        "required": [f"r{i}" for i in range(count)],
        "discriminator": {"propertyName": "kind", "mapping": mapping},
    }
    forms = {"oneOf": [{"$ref": f"#/components/schemas/C{i}"} for i in range(count)]}
    operation = {"requestBody": {"content": {"application/json": {"schema": forms}}}}
    return api(paths={"/a": {"post": operation}}, components={"schemas": made})


Case = tuple[Callable[[Any], object], Callable[[int], Any], int]


CASES: dict[str, Case] = {
    "private key, then blanks": (scan, lambda n: KEY + " " * n, 20_000),
    "private key, then escapes": (scan, lambda n: KEY + "\\n" * n, 20_000),
    "private key, then both": (scan, lambda n: KEY + " \\n" * n + "!", 20_000),
    "many private keys": (scan, lambda n: (KEY + " ") * n, 2_000),
    "begin and capitals": (scan, lambda n: "-----BEGIN " + "A" * n, 40_000),
    "begins of links": (scan, lambda n: "s3://" * n, 10_000),
    "links of every length": (scan, lambda n: "s3://a.pk" * n, 10_000),
    "ends of links": (scan, lambda n: ".pkl" * n, 10_000),
    "begins of tokens": (scan, lambda n: "eyJaaaaaaaaa." * n, 5_000),
    "begins of addresses": (scan, lambda n: "a://b:c" * n, 10_000),
    "one long run": (scan, lambda n: "a" * n, 40_000),
    "base64": (scan, lambda n: "gAI" * n, 20_000),
    "hexadecimal": (scan, lambda n: "8004" * n, 20_000),
    "masking of tokens": (mask, lambda n: "eyJ" * n, 20_000),
    "masking of addresses": (mask, lambda n: "://a:" * n, 20_000),
    "texts below a long name": (scanned, lambda n: described(**{"x" * n: ["text text"] * (n // 10)}), 40_000),
    "one long text under many aliases": (
        lambda text: read_yaml_of(text),
        lambda n: "a: &a " + "x" * n + "\nb: [" + "*a, " * n + "]",
        4_000,
    ),
    "keys repeated below a long name": (read_yaml_of, lambda n: f"{'k' * n}:\n" + "  a: 1\n" * (n // 10), 40_000),
    "directives": (read_yaml_of, lambda n: "".join(f"%TAG !{i}! t{i}\n" for i in range(n)) + "--- a", 5_000),
    "brackets": (read_yaml_of, lambda n: "[" * n, 20_000),
    "dashes": (read_yaml_of, lambda n: "- " * n, 20_000),
    "anchors": (read_yaml_of, lambda n: "".join(f"- &a{i} x\n- *a{i}\n" for i in range(n)), 3_000),
    "merges": (
        read_yaml_of,
        lambda n: "a: &a {" + "".join(f"k{i}: 1, " for i in range(n)) + "}\nb: {<<: [*a, *a]}",
        3_000,
    ),
    "plain numbers": (read_yaml_of, lambda n: "a: -.0e-" + "0" * n + "!", 100_000),
    "findings below a long name": (
        checked,
        lambda n: schemas(**{"x" * n: {"properties": {f"p{i}": {"$ref": "#/gone"} for i in range(n // 20)}}}),
        20_000,
    ),
    "references of digits": (checked, lambda n: schemas(A={"anyOf": [{"$ref": "#/a/" + "9" * n}]}), 20_000),
    "chain of references": (
        checked,
        lambda n: schemas(**{f"s{i}": {"$ref": f"#/components/schemas/s{i + 1}"} for i in range(n)}),
        2_000,
    ),
    "one enum for many examples": (
        checked,
        lambda n: schemas(
            E={"enum": [f"v{i}" for i in range(n)]},
            **{f"p{i}": {"schema": {"$ref": "#/components/schemas/E"}, "example": "v"} for i in range(n)},
        ),
        1_500,
    ),
    "an enum of integers with one hash": (
        checked,
        lambda n: schemas(A={"enum": [(2**61 - 1) * i for i in range(n)], "default": 7}),
        3_000,
    ),
    "one path item for many paths": (
        checked,
        lambda n: described(
            paths={f"/p{i}": {"$ref": "#/components/pathItems/I"} for i in range(n)},
            components={
                "pathItems": {
                    "I": {
                        "get": {
                            "responses": {str(i): {} for i in range(n)},
                            "parameters": [{"in": "path", "name": f"v{i}"} for i in range(n)],
                        }
                    }
                }
            },
        ),
        500,
    ),
    "one operation id for many": (
        checked,
        lambda n: described(paths={"/" + "x" * n: {"get": {"operationId": "a"}}}
                            | {f"/p{i}": {"get": {"operationId": "a"}} for i in range(n // 50)}),
        40_000,
    ),
    "braces of a path": (checked, lambda n: described(paths={"/" + "{a" * n: {"get": {}}}), 20_000),
    "types of a schema": (checked, lambda n: schemas(A={"type": ["string"] * n, "default": "a"}), 20_000),
    "enum of an answer": (shape, lambda n: n, 5_000),
    "unknown fields of a manifest": (check_manifest, lambda n: "".join(f"namex{i}: 1\n" for i in range(n)), 500),
    "one long field of a manifest": (check_manifest, lambda n: f"{'namex' * n}: 1\n", 5_000),
    "booleans below a long field": (
        check_manifest,
        lambda n: f'? "{"k" * n}"\n: [' + "true, " * (n // 20) + "]\n",
        20_000,
    ),
    "address": (lambda text: _parse(text, ""), lambda n: "http://" + "0x0." * n, 10_000),
    "version": (version_or_range, lambda n: "0.0.0-1" + "0" * n + " ", 50_000),
    "same document": (
        lambda text: check_version("1.0.1", [Version(1, 0, 0)], *([read_document(text)[0]] * 2)),
        lambda n: schemas(**{f"s{i}": {"type": "object", "properties": {"a": {"type": "string"}}} for i in range(n)}),
        1_000,
    ),
    "servers of both": (compared, lambda n: [api(servers=[{"url": f"/{side}{i}"} for i in range(n)]) for side in "ab"],
        1_000),
}  # fmt: skip


def seconds(check: Callable[[Any], object], given: Any) -> float:
    """Processor time of the quickest of three runs."""
    times = []
    for _ in range(3):
        began = time.process_time()
        check(given)
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.parametrize("name", CASES)
def test_four_times_the_text_takes_about_four_times_as_long(name: str) -> None:
    check, make, size = CASES[name]
    small, large = make(size), make(_TIMES * size)
    check(make(10))  # what is compiled or imported once
    allowed = _MOST_GROWTH * max(seconds(check, small), _TOO_SHORT_SECONDS / _MOST_GROWTH)
    if (took := seconds(check, large)) > allowed:
        # Once more, both sides: a busy moment is no growth.
        allowed = _MOST_GROWTH * max(seconds(check, small), _TOO_SHORT_SECONDS / _MOST_GROWTH)
        took = min(took, seconds(check, large))
    assert took <= allowed


def scopes(count: int, side: str) -> dict[str, Any]:
    needed = [{"k": [f"{side}{i}" for i in range(count)]}]
    return api(security=needed, paths={f"/{i}": {"get": {}} for i in range(count)})


@pytest.mark.parametrize("make", [scopes, family])
def test_what_one_part_says_for_many_is_counted_for_each(make: Callable[[int, str], dict[str, Any]]) -> None:
    """Uncounted, it would take the square of the document's length; so it ends, incomplete, and a person looks."""
    sides = [Document(make(1_200, side), "3.1", "json", 0) for side in "ab"]
    assert not diff_documents(*sides)[1]
    few = [Document(make(100, side), "3.1", "json", 0) for side in "ab"]
    assert diff_documents(*few)[1]
