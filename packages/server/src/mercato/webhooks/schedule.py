"""When a failed delivery is retried.

Source: the example schedule of the Standard Webhooks specification ("Deliverability and reliability"): at once, then
after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h; more than three days in all. Each pause is lengthened by
up to a fifth at random, to spread out retries of deliveries that failed together.
"""

from datetime import timedelta

PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400))
MOST_ATTEMPTS = len(PAUSES) + 1
_LONGEST_ASKED = timedelta(days=1)


def pause_after(attempts: int, chance: int, asked_seconds: int | None = None) -> timedelta | None:
    """How long to wait after so many failed attempts; `None` where that was the last.

    `chance` is any number of 16 random bits. `asked_seconds` is the endpoint's own `Retry-After`, honoured for up to a
    day where it is longer.
    """
    if attempts >= MOST_ATTEMPTS:
        return None
    pause = PAUSES[attempts - 1]
    pause += pause * (chance % 65_536) // (5 * 65_536)
    asked = timedelta(seconds=min(max(asked_seconds or 0, 0), int(_LONGEST_ASKED.total_seconds())))
    return max(pause, asked)
