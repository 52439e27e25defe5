"""What a call costs. One function, used by the gateway that holds and settles and by the ledger that checks."""

from collections.abc import Callable
from typing import Literal, NamedTuple

QuotaUnit = Literal["requests", "tokens"]


class Charge(NamedTuple):
    """The price of one call: `included` units were covered by the plan, `nanos` are owed."""

    included: int
    nanos: int


_REFUSED_BY_THE_SERVICE = frozenset({401, 403, 408, 429})


def is_owed(status: int) -> bool:
    """Whether an answer of this status costs anything.

    A service that failed (5xx, no answer) is not paid, and neither is one that refused to serve: 401 and 403 concern
    what it asks of the gateway, 408 and 429 its own pace. Any other answer to a caller's mistake (400, 404, 422) is an
    answer.
    """
    return status < 500 and status not in _REFUSED_BY_THE_SERVICE


def ceil_div(amount: int, by: int) -> int:
    """The least whole number not under `amount / by`."""
    return -(-amount // by)


def charge(
    *,
    per_call_nanos: int,
    per_1k_input_nanos: int,
    per_1k_output_nanos: int,
    included_unit: QuotaUnit | None,
    included: int,
    tokens_in: int,
    tokens_out: int,
) -> Charge:
    """The price of a call that used these tokens, of which the plan covers up to `included` units.

    A covered request owes nothing. Covered tokens are taken from the input first, then from the output. Tokens are
    priced per thousand and each of the two sums is rounded up to a whole nano-unit, once per call.
    """
    if included_unit == "requests":
        if included >= 1:
            return Charge(1, 0)
        covered = 0
    elif included_unit == "tokens":
        covered = min(included, tokens_in + tokens_out)
    else:
        covered = 0
    covered_in = min(covered, tokens_in)
    covered_out = covered - covered_in
    nanos = (
        per_call_nanos
        + ceil_div((tokens_in - covered_in) * per_1k_input_nanos, 1000)
        + ceil_div((tokens_out - covered_out) * per_1k_output_nanos, 1000)
    )
    return Charge(covered, nanos)


def affordable(
    *,
    per_call_nanos: int,
    per_1k_input_nanos: int,
    per_1k_output_nanos: int,
    included_unit: QuotaUnit | None,
    included: int,
    tokens_in: int,
    tokens_out: int,
    most_nanos: int | None,
    most_tokens: int | None,
) -> tuple[int, int] | None:
    """The part of these tokens, input before output, that `most_nanos` pays for and `most_tokens` has room for.

    `None` sets no bound. Returns `None` where `most_nanos` does not even pay for a call without tokens.
    """
    room = tokens_in + tokens_out if most_tokens is None else min(most_tokens, tokens_in + tokens_out)

    def fits(into: int, out: int) -> bool:
        price = charge(
            per_call_nanos=per_call_nanos,
            per_1k_input_nanos=per_1k_input_nanos,
            per_1k_output_nanos=per_1k_output_nanos,
            included_unit=included_unit,
            included=included,
            tokens_in=into,
            tokens_out=out,
        )
        return most_nanos is None or price.nanos <= most_nanos

    if not fits(0, 0):
        return None
    into = largest(lambda count: fits(count, 0), min(tokens_in, room))
    out = largest(lambda count: fits(into, count), min(tokens_out, room - into)) if into == tokens_in else 0
    return into, out


def largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest count up to `most` that fits, where 0 does and each count fits that a larger one fits."""
    if fits(most):
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
