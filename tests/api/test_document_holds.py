"""The running control plane answers nothing that its document does not say: schemathesis, as callers of each kind."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, CheckFunction, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.settings import Settings
from mercato.edge.throttle import Allowance, Throttle
from tests.support.inhabitants import CALLERS, Inhabitants
from tests.support.served import served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

DOCUMENT = Path(__file__).parents[2] / "docs/reference/openapi.json"
_EXAMPLES = 6


def is_no_fault_of_ours(context: Any, response: Any, case: Any) -> bool | None:
    """An announced maintenance answers 503, which is what it is for."""
    if response.status_code == 503 and response.json()["code"] == "under_maintenance":
        return None
    return not_a_server_error(context, response, case)


_CHECKS: list[CheckFunction] = [
    is_no_fault_of_ours,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_SETTINGS = hypothesis.settings(
    max_examples=_EXAMPLES,
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_ENDS = {"POST /api/privacy/erasures", "POST /api/announcements"}
"""After these nobody can ask for much: they come last, and what they accept comes after what they refuse."""
TAGS = sorted(tag["name"] for tag in json.loads(DOCUMENT.read_text())["tags"])


@pytest.fixture
def address(tmp_path: Path, database_url: str) -> Iterator[str]:
    """A control plane whose allowances do not end, so that every request is answered for what it asks."""
    settings = Settings(state=tmp_path / "state", DATABASE_URL=database_url, allow_private_endpoints=True)
    endless = Throttle(Allowance("api", 10**9))
    wiring = replace(build_wiring(settings, database_url), throttle=endless, guessing=endless)
    with served(create_app(wiring, list(ROLES))) as address:
        yield address


@pytest.mark.parametrize("tag", TAGS)
def test_every_answer_is_documented(address: str, database_url: str, tag: str) -> None:
    inhabitants = asyncio.run(Inhabitants.settle(database_url, address))
    failures: list[str] = []
    document = schemathesis.openapi.from_url(f"{address}/openapi.json", timeout=300).include(tag=tag)
    operations = []
    for result in document.get_all_operations():
        assert isinstance(result, Ok)
        operations.append(result.ok())
    for operation in sorted(operations, key=lambda each: each.label in _ENDS):
        for mode in (GenerationMode.NEGATIVE, GenerationMode.POSITIVE):
            try:
                _hold(operation, mode, inhabitants)
            except Unsatisfiable:
                continue  # nothing to get wrong in this operation
            except (Exception, FailureGroup) as error:
                failures.append(f"{operation.label} ({mode.value}): {_shortened(error)}")
    assert not failures, "\n".join(failures)


def _hold(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, inhabitants: Inhabitants) -> None:
    """Raises for the first answer that the document does not cover, whoever got it."""
    # Sessions of this operation alone, as an operation may end them.
    callers = [inhabitants.sign_in(caller) for caller in CALLERS]

    @_SETTINGS
    @hypothesis.given(operation.as_strategy(generation_mode=mode))
    def hold(case: Any) -> None:
        case.headers.pop("Authorization", None)
        case.path_parameters.update(inhabitants.known(case.path_parameters))
        for headers in callers:
            response = case.call(base_url=inhabitants.address, headers=headers, timeout=60)
            case.validate_response(response, checks=_CHECKS, headers=headers)

    hold()


def _shortened(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return " | ".join(_shortened(each) for each in error.exceptions)
    return f"{type(error).__name__}: {str(error)[:1500]}"
