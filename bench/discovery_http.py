"""Searches through HTTP: latency one after another, requests in a second, CPU time a request, hits of the cache."""

import asyncio
import os
import random
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlencode

from bench.discovery_rows import Row

_BARS = {10_000: (5.0, 2.0), 100_000: (12.0, 4.0), 1_000_000: (50.0, 15.0)}
"""p95 in ms and CPU in ms of a search, by the number of listings."""
_MIXED = 3_000
"""Requests of the mix by which the cache's hit rate is measured; the queries' ranks give their frequency."""

_LONGEST = 500
"""Characters of a query that the API takes."""

_LOST = "the server ended the connection"


class Connection:
    """One kept-alive connection; it reads answers and throws their bodies away."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> "Connection":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def get(self, path: str) -> bool:
        """Whether the answer came from memory."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head[:200]
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await self._reader.readexactly(length)
        return b"cache-status: mercato; hit" in head

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[int, int, float]]:
    """A server of the index in this folder: its port, its process id, and the megabytes that it takes to begin with."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = (sys.executable, "-m", "bench.discovery_server", str(folder), str(port))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        megabytes = await _until_ready(process)
        await _until_open(port)
        yield port, process.pid, megabytes
    finally:
        process.terminate()
        await process.wait()


async def _until_ready(process: asyncio.subprocess.Process) -> float:
    """The megabytes that it names when it is ready; lines before are its log."""
    assert process.stdout is not None
    async for line in process.stdout:
        if line.startswith(b"ready "):
            return float(line.split()[1])
    raise RuntimeError(_LOST)


async def _until_open(port: int) -> None:
    for _ in range(600):
        try:
            (await Connection(port).open()).close()
        except OSError:
            await asyncio.sleep(0.1)
        else:
            return
    raise RuntimeError(_LOST)


def _path(query: str) -> str:
    return f"/api/search?{urlencode({'q': query[:_LONGEST]})}"


def _cpu(process: int) -> float:
    """Seconds of CPU that it has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss(process: int) -> float:
    """Megabytes of resident memory, mapped files that were read among them."""
    resident = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return resident * os.sysconf("SC_PAGE_SIZE") / 2**20


async def _one_by_one(port: int, paths: Sequence[str]) -> list[float]:
    connection = await Connection(port).open()
    times = []
    for path in paths:
        began = time.perf_counter()
        await connection.get(path)
        times.append(1e3 * (time.perf_counter() - began))
    connection.close()
    return times


async def _rate(port: int, paths: Sequence[str], at_once: int) -> float:
    left = list(paths)

    async def work() -> None:
        connection = await Connection(port).open()
        while left:
            await connection.get(left.pop())
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return len(paths) / (time.perf_counter() - began)


def zipf_mix(queries: Sequence[str], count: int) -> list[str]:
    """`count` requests in which the n-th most popular query comes with a frequency of 1/n."""
    weights = [1 / (place + 1) for place in range(len(queries))]
    return random.Random(5).choices(list(queries), weights, k=count)


def beginnings(queries: Sequence[str], count: int) -> list[str]:
    """What somebody types who means to ask these: their first three to eight letters."""
    return [query[: 3 + at % 6] for at, query in enumerate(queries[:count])]


async def measure_http(size: int, folder: Path, queries: Sequence[str]) -> list[Row]:
    """The figures of the index in this folder, of this size. `queries` are distinct; the first 400 are timed as new
    ones.
    """
    p95_bar, cpu_bar = _BARS.get(size, (None, None))
    new = [_path(query) for query in queries[:400]]
    async with serving(folder) as (port, process, megabytes):
        rows = [Row(f"index_rss_mb.{size}.opened", megabytes, "MB")]
        began, cpu = time.perf_counter(), _cpu(process)
        times = await _one_by_one(port, new)
        rows.append(Row(f"search_p95_ms.{size}", quantiles(times, n=20)[18], "ms", bar=p95_bar))
        rows.append(Row(f"search_p50_ms.{size}", quantiles(times, n=20)[9], "ms"))
        rows.append(Row(f"search_cpu_ms.{size}", 1e3 * (_cpu(process) - cpu) / len(new), "ms", bar=cpu_bar))
        rows.append(Row(f"search_rps.new.{size}", len(new) / (time.perf_counter() - began), "1/s", "higher", 300.0))
        rows.append(Row(f"index_rss_mb.{size}", _rss(process), "MB"))
        cpu = _cpu(process)
        await _one_by_one(port, [f"{path}&facets=false" for path in new])
        rows.append(Row(f"search_cpu_ms.{size}.without_facets", 1e3 * (_cpu(process) - cpu) / len(new), "ms"))
        typed = [f"/api/suggest?{urlencode({'q': begun})}" for begun in beginnings(queries, 400)]
        times = await _one_by_one(port, typed)
        rows.append(Row(f"suggest_p95_ms.{size}", quantiles(times, n=20)[18], "ms", bar=10.0))
        if size == min(_BARS):
            rows += await _measure_cache(port, process, new, queries)
    return rows


async def _measure_cache(port: int, process: int, known: Sequence[str], queries: Sequence[str]) -> list[Row]:
    rows = []
    for at_once, bar in ((1, 3_330.0), (8, 3_330.0)):
        cpu, asked = _cpu(process), [*known] * 25
        rate = await _rate(port, asked, at_once)
        name = "search_rps.cached" + ("" if at_once == 8 else ".one_client")
        rows.append(Row(name, rate, "1/s", "higher", bar))
        rows.append(Row(f"{name}: CPU a request", 1e6 * (_cpu(process) - cpu) / len(asked), "µs"))
    connection = await Connection(port).open()
    hits = [await connection.get(_path(query)) for query in zipf_mix(queries, _MIXED)]
    connection.close()
    rows.append(Row("cache_hit_rate", sum(hits) / len(hits), "", "higher"))
    return rows
