"""What is lent, in Redis: one decimal figure a counter, good only in the life of the server that it was written in.

A value is `<run id of the server>|claim-<reign>|<figure>`. A server that was restarted, or a replica that took over,
has another run id, so what it read back from disk or from its primary, which may be old, counts as missing. A reign is
the time for which PostgreSQL names one run as the one that counts: of two primaries that both believe to be the only
one, the figures of the one that was not named meanwhile count as missing too.

To processes of the release before, a value of ours looks like a claim, and so like a missing figure, as theirs does to
us: both may run during an upgrade.
"""

import re
from collections.abc import Mapping, Sequence
from secrets import token_hex
from urllib.parse import unquote

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import ConstantBackoff

from mercato.adapters.counters_postgres import CounterKey

# So often a figure is worked out anew, which frees what was lent by transactions that were then rolled back.
_KEPT_MS = 300_000
_RUN = "local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') .. '|' "
_READ = _RUN + "return {run, redis.call('MGET', unpack(KEYS))}"
_CLAIM = _RUN + (
    "for _, key in ipairs(KEYS) do redis.call('SET', key, run .. ARGV[1], 'PX', ARGV[2]) end return {run, false}"
)
# Figures are compared as strings: Lua's numbers hold 53 bits. All keys change or none does.
_SWAP = _RUN + (
    "if run ~= ARGV[1] then return 0 end "
    "for i, key in ipairs(KEYS) do if redis.call('GET', key) ~= run .. ARGV[2 * i] then return 0 end end "
    "for i, key in ipairs(KEYS) do redis.call('SET', key, run .. ARGV[2 * i + 1], 'KEEPTTL') end "
    "return 1"
)
_CLAIMED = "claim-"
_SENTINELS = re.compile(
    r"redis(?P<tls>s)?\+sentinel://(?:(?P<user>[^:@/]*):(?P<password>[^@/]*)@)?"
    r"(?P<places>[^@/,]+:\d{1,5}(?:,[^@/,]+:\d{1,5})*)/(?P<service>[^/?#]+)(?:/(?P<number>\d{1,3}))?"
)


def connect(url: str) -> Redis:
    """A client of the server at `url`, which need not be up yet, or of the primary that Sentinels name. To be closed by
    the caller.

    It gives up soon: who asks holds a transaction open. Trying again is harmless, as a swap done twice fails.
    """
    retry = Retry(ConstantBackoff(0.05), 2)
    named = _SENTINELS.fullmatch(url)
    if named is None:
        return Redis.from_url(url, socket_timeout=2.0, socket_connect_timeout=2.0, retry=retry)
    places = [place.rpartition(":") for place in named["places"].split(",")]
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        [(host.strip("[]"), int(port)) for host, _, port in places], socket_timeout=1.0, socket_connect_timeout=1.0
    )
    user, password = (unquote(named[name]) if named[name] else None for name in ("user", "password"))
    primary: Redis = sentinel.master_for(
        named["service"],
        username=user,
        password=password,
        db=int(named["number"] or 0),
        ssl=named["tls"] is not None,
        socket_timeout=2.0,
        socket_connect_timeout=2.0,
        retry=retry,
    )
    return primary


class LentFigures:
    """Figures of counters in one reign; exact, of any size. A missing figure is never taken for 0."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.reign = ""
        self._read = redis.register_script(_READ)
        self._claim = redis.register_script(_CLAIM)
        self._swap = redis.register_script(_SWAP)

    async def read(self, keys: Sequence[CounterKey]) -> tuple[bytes, dict[CounterKey, int]]:
        """The server's run, and the figures that were written in it; the others are left out."""
        run, values = await self._read(keys=[_name(key) for key in keys])
        found = {}
        for key, value in zip(keys, values, strict=True):
            if value is not None and value.startswith(ours := run + self._written("").encode()):
                found[key] = int(value.removeprefix(ours))
        return run, found

    def _written(self, figure: object) -> str:
        return f"{_CLAIMED}{self.reign}|{figure}"

    async def swap(self, run: bytes, old: Mapping[CounterKey, int], new: Mapping[CounterKey, int]) -> bool:
        """Change all figures at once; `False`, and nothing changed, unless all are `old` and it is still that run."""
        pairs = [self._written(figures[key]) for key in old for figures in (old, new)]
        return bool(await self._swap(keys=[_name(key) for key in old], args=[run, *pairs]))

    async def claim(self, keys: Sequence[CounterKey]) -> tuple[bytes, str]:
        """Wipe these figures, to be worked out anew by whoever claimed last; returns the run and the claim."""
        claim = _CLAIMED + token_hex(16)
        run, _ = await self._claim(keys=[_name(key) for key in keys], args=[claim, _KEPT_MS])
        return run, claim

    async def fill(self, run: bytes, claim: str, figures: Mapping[CounterKey, int]) -> bool:
        """Write figures worked out since the claim; `False` when somebody claimed later, or Redis lost the claim."""
        pairs = [text for figure in figures.values() for text in (claim, self._written(figure))]
        return bool(await self._swap(keys=[_name(key) for key in figures], args=[run, *pairs]))

    async def drop(self, keys: Sequence[CounterKey]) -> None:
        """Forget these figures."""
        await self._redis.delete(*map(_name, keys))


def _name(key: CounterKey) -> str:
    # The braces keep all figures in one slot of a cluster, as a script over several of them needs.
    return f"{{mercato:lent}}:{key.window_start:%Y-%m-%d}:{key.scope}"
