"""Says what is wrong with a value in plain words: no regular expression, no name of a Python type."""

from collections.abc import Mapping
from typing import Any

from mercato_contracts.semver import SEMVER

PATTERNS = {
    r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$": "must be lower-case letters, digits and inner hyphens, at most 63",
    r"^[^@\s]{1,64}@[^@\s]{1,190}$": "must be an e-mail address such as ada@acme.example",
    r"^\d{4}-(0[1-9]|1[0-2])$": "must be a month such as 2026-11",
    r"^[0-9a-f]{32}$": "must be 16 bytes in 32 hexadecimal digits",
    r"^[0-9a-f]{64}$": "must be a SHA-256 in 64 hexadecimal digits",
    r"^rnd_[0-9a-f]{32}$": "must be the id of a round such as rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
    r"^trn_[0-9a-f]{32}$": "must be the id of a training run such as trn_019ab3c1f2d47e0b8a6d5c4b3a291807",
    r"^[!-~]{1,200}$": "must be visible ASCII characters without spaces, at most 200, such as acme/embedder@1.0.0",
    r"^dep_[0-9a-f]{32}$": "must be the id of a deployment such as dep_019ab3c1f2d47e0b8a6d5c4b3a291807",
    r"^(svc_[0-9a-f]{32})?$": "must be the id of a service such as svc_019ab3c1f2d47e0b8a6d5c4b3a291807",
    r"^[a-z0-9][a-z0-9_-]{0,63}\.parquet$": "must be the name of a file such as train.parquet",
    r"^https?://[^\s?#]+$": "must be an address such as https://login.acme.example, without a query",
    r"^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+$": "must be a domain such as acme.example",
    r"^[^\x00]*$": "must not hold a NUL character",
    r"^[a-z]{2,16}$": "must be a modality such as text: 2 to 16 lower-case letters",
    r"^[A-Z0-9][A-Z0-9.-]*$": "must be a ticker such as BRK.B",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$": "must be letters, digits, `_`, `.` and `-`, at most 64",
    r"^feature_[a-z0-9_]{1,60}$": "must be the name of a feature such as feature_momentum",
    r"^[a-z0-9][a-z0-9-]{0,31}$": "must be lower-case letters, digits and hyphens, at most 32",
    r"^[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9-]{0,62}(@[0-9A-Za-z.^~<>=*+ -]{1,64})?$": (
        "must be a service such as acme/embedder or acme/embedder@^1.0"
    ),
    r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$": (
        "must be the name of a header field such as Authorization: letters, digits, `-` and `_`"
    ),
    r"^[!-~][ -~]{0,31}$|^$": "must be visible ASCII characters such as `Bearer `, at most 32",
    r"^/[A-Za-z0-9._~/-]*$": "must be a path such as /healthz",
    r"^[A-Za-z0-9.+() -]+$": "must be an SPDX expression such as Apache-2.0, or `proprietary`",
    r"^[0-9]{1,12}$": "must be seconds since 1970, such as 1793610000",
    r"^[ -~]+$": "must be printable ASCII characters",
    r"^[a-z0-9]{1,40}$": "must be lower-case letters and digits, at most 40",
    r"^[a-z0-9-]{1,63}/[a-z0-9-]{1,63}$": "must be a service such as acme/embedder",
    r"^[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9-]{0,62}$": "must be a service such as acme/embedder",
    r"^[0-9A-Fa-f:.]{2,45}(/[0-9]{1,3})?$": "must be an address or a network such as 203.0.113.0/24",
    SEMVER: "must be a SemVer version such as 1.4.0",
    r"^https?://[^\s/?#]+(/[^\s?#]*)?$": "must be an address such as https://market.example",
}
"""What each pattern of a message asks for. A test finds a pattern that has no words here."""

_BOUNDS = {
    "string_too_short": "is too short: the least length is {min_length}",
    "string_too_long": "is too long: the greatest length is {max_length}",
    "too_short": "has too few entries: the least number is {min_length}",
    "too_long": "has too many entries: the greatest number is {max_length}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
}
_KINDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object of fields",
    "model_type": "must be an object of fields",
    "model_attributes_type": "must be an object of fields",
    "json_invalid": "is not JSON",
    "json_type": "is not JSON",
    "datetime_type": "must be a time such as 2026-11-02T09:00:00Z",
    "datetime_parsing": "must be a time such as 2026-11-02T09:00:00Z",
    "datetime_from_date_parsing": "must be a time such as 2026-11-02T09:00:00Z",
    "timezone_aware": "must carry its offset, such as 2026-11-02T09:00:00Z",
    "date_type": "must be a day such as 2026-11-02",
    "date_parsing": "must be a day such as 2026-11-02",
    "date_from_datetime_parsing": "must be a day such as 2026-11-02",
    "url_parsing": "must be an address such as https://acme.example",
    "url_type": "must be an address such as https://acme.example",
    "url_scheme": "must be an address that begins with http:// or https://",
}


def message_of(error: Mapping[str, Any]) -> str:
    """What a field must be, from one of pydantic's `errors()`: a predicate without a full stop."""
    kind, context = str(error["type"]), dict(error.get("ctx") or {})
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(str(context.get("pattern")), "has a form that is not allowed")
    if kind in _KINDS:
        return _KINDS[kind]
    if kind in ("too_short", "too_long") and context.get("field_type") == "Value":
        kind = f"string_{kind}"  # a secret, whose length is counted as that of a list
    if kind in _BOUNDS:
        return _BOUNDS[kind].format_map(context)
    return str(error["msg"]).removeprefix("Value error, ").rstrip(".")
