"""Ids: a prefix that says what it is, then a UUIDv7, so that ids sort by the time they were made.

Source of the layout: RFC 9562, section 5.7.
"""

import re

ORGANISATION = "org"
USER = "usr"
SESSION = "ses"
DEVICE_LOGIN = "dvl"
SECOND_FACTOR = "fac"
PASSKEY = "pky"
INVITATION = "ivt"
SCIM_GROUP = "grp"
LETTER = "ltr"
PASSWORD_RESET = "pwr"  # noqa: S105  (a kind, no secret)
KEY = "key"
SERVICE = "svc"
FEEDBACK = "fbk"
SAVED_SEARCH = "svd"
SAVED_SEARCH_FIT = "fit"
RELEASE = "rel"
DEPLOYMENT = "dep"
PLAN = "pln"
CANARY = "cny"
SUBMISSION = "sbm"
TRAINING_RUN = "trn"
HOSTING = "hst"
SUBSCRIPTION = "sub"
USAGE_EVENT = "use"
LEASE = "lse"
GATEWAY = "gtw"
JOURNAL = "jrn"
INVOICE = "inv"
ADJUSTMENT = "adj"
ALERT = "alr"
DISPUTE_REVIEW = "drv"
CALL_DISPUTE = "dsp"
WEBHOOK = "whk"
WEBHOOK_MESSAGE = "msg"
WEBHOOK_DELIVERY = "dlv"
WEBHOOK_ATTEMPT = "att"
PAYOUT = "pay"
OUTBOX_EVENT = "evt"
REQUEST = "req"
HEALTH_CHANGE = "hch"
ANNOUNCEMENT = "ann"
DATASET = "dst"
PANEL = "pnl"
ROUND = "rnd"
SIGNAL = "sig"
KILL_SWITCH = "kil"
AUDIT_ENTRY = "aud"
USAGE_ANOMALY = "ano"
LEGAL_HOLD = "lgh"
ERASURE = "ers"
PERSON_EXPORT = "pex"
REVIEW = "rvw"
APPROVAL_COMMENT = "apc"
VIEW = "vas"
SERVICE_ACCOUNT = "sva"

_ID = re.compile(r"^[a-z]{2,4}_[0-9a-f]{32}$")


def make_id(prefix: str, milliseconds: int, entropy: bytes) -> str:
    """`prefix_` and the 32 hexadecimal digits of a UUIDv7.

    `milliseconds` since 1970-01-01 UTC (48 bits); `entropy` is 10 random bytes.
    """
    random_a = int.from_bytes(entropy[:2], "big") & 0x0FFF
    random_b = int.from_bytes(entropy[2:10], "big") & 0x3FFF_FFFF_FFFF_FFFF
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | random_a << 64 | 0b10 << 62 | random_b
    return f"{prefix}_{value:032x}"


def is_id(text: str, prefix: str | None = None) -> bool:
    """Whether `text` has the shape of an id, and of this prefix where one is given."""
    return bool(_ID.match(text)) and (prefix is None or text.startswith(f"{prefix}_"))
