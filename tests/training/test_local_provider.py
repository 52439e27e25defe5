"""A run is contained: what forks, fills the disk, prints secrets, reads ours or reaches out is ended or refused."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from mercato.adapters.training_local import LocalProvider
from mercato.adapters.training_local.containment import is_complete
from mercato.training import Job, Look, ProviderRefused
from mercato_contracts.training import TrainingLimits, TrainingSpec
from tests.support.running import processes_naming
from tests.training.scripts import GOOD, zipped

RUNNER = (sys.executable, str(Path(__file__).with_name("mini_runner.py")))
SECRET = "vk_" + "0" * 32 + "_" + "a" * 43 + "000000"


class Bench:
    """The provider with a folder of this test's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.provider = LocalProvider(root, nanos_per_hour=1, runner=RUNNER)
        self.handles: list[str] = []

    async def launch(self, train: str, seconds: int = 60, **limits: int) -> str:
        spec = TrainingSpec(task="test", seed=7, hyperparameters={"rate": 0.1}, limits=TrainingLimits(**limits))
        job = Job(f"trn_{uuid4().hex}", spec, zipped(train), None, seconds)
        self.handles.append(await self.provider.launch(job))
        return self.handles[-1]

    async def end(self, handle: str) -> tuple[Look, str]:
        """How it ended, without its last words alone, and all that it wrote."""
        output, place = "", 0
        async with asyncio.timeout(120):
            while True:
                look = await self.provider.look(handle, place)
                output, place = output + look.log, look.log_next
                if look.state not in ("waiting", "running"):
                    return replace(look, log=""), output
                await asyncio.sleep(0.05)

    async def said(self, handle: str, text: str) -> None:
        async with asyncio.timeout(60):
            while text not in (await self.provider.look(handle, 0)).log:
                await asyncio.sleep(0.05)

    def alive(self, handle: str) -> dict[int, str]:
        """Processes that name the run, its warden apart."""
        named = processes_naming(Path(handle))
        return {pid: command for pid, command in named.items() if "training_local.warden" not in command}

    async def nothing_left(self, handle: str) -> None:
        async with asyncio.timeout(60):
            while self.alive(handle):
                await asyncio.sleep(0.05)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Runs without a database; nothing of them stays."""
    bench = Bench(tmp_path / "runs")
    yield bench
    for handle in bench.handles:
        await bench.provider.forget(handle)


async def test_code_that_cannot_be_unpacked_ends_the_run(bench: Bench) -> None:
    broken = zipped(GOOD).replace(b"PK\x03\x04", b"PK\x03\x05")
    with pytest.raises(ProviderRefused, match="cannot be read"):
        await bench.provider.launch(Job(f"trn_{uuid4().hex}", TrainingSpec(task="test"), broken, None, 60))


async def test_a_good_run_reports_and_leaves_a_model(bench: Bench, tmp_path: Path) -> None:
    handle = await bench.launch(GOOD)
    look, output = await bench.end(handle)
    assert (look.state, look.exit_code) == ("succeeded", 0), output
    assert '{"event": "progress", "step": 5, "metrics": {"loss": 0.2}}' in output
    assert "seed 7 rate 0.1" in output
    out = tmp_path / "out"
    out.mkdir()
    (model,) = await bench.provider.collect(handle, out, 1000)
    assert model.read_text().startswith("tree\n")
    assert await bench.end(handle) == (look, output), "the same end, however often it is asked"


async def test_a_script_that_forks_without_end_is_ended_with_all_it_made(bench: Bench) -> None:
    handle = await bench.launch(
        """
import os, time
def train(spec, data, out, report):
    for _ in range(400):
        if os.fork() == 0:
            if os.fork() == 0:
                os.setsid()
            time.sleep(600)
            os._exit(0)
    time.sleep(600)
""",
        processes=40,
    )
    look, _ = await bench.end(handle)
    assert (look.state, "40 processes" in look.why) == ("failed", True)
    await bench.nothing_left(handle)


async def test_children_that_outlive_a_script_are_ended_with_it(bench: Bench) -> None:
    handle = await bench.launch(
        """
import subprocess, sys
def train(spec, data, out, report):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    return {}
"""
    )
    look, _ = await bench.end(handle)
    assert look.state == "succeeded"
    await bench.nothing_left(handle)


@pytest.mark.parametrize("many", [False, True])
async def test_a_script_that_fills_the_disk_is_ended(bench: Bench, many: bool) -> None:
    write = (
        "(out / f'f{n}').write_bytes(b'x' * 1_000_000)" if many else "open(out / 'one', 'ab').write(b'x' * 1_000_000)"
    )
    handle = await bench.launch(
        f"""
import time
def train(spec, data, out, report):
    for n in range(400):
        {write}
        time.sleep(0.005)
    time.sleep(600)
""",
        disk_mib=20,
    )
    look, _ = await bench.end(handle)
    assert look.state == "failed", look
    used = sum(path.stat().st_size for path in (bench.root / handle / "out").rglob("*"))
    assert used <= 410_000_000


async def test_a_script_that_takes_too_much_memory_is_ended(bench: Bench) -> None:
    handle = await bench.launch(
        """
def train(spec, data, out, report):
    held = []
    while True:
        held.append(bytearray(10_000_000))
""",
        memory_mib=128,
    )
    look, output = await bench.end(handle)
    assert look.state == "failed"
    assert "128 MiB" in look.why or "MemoryError" in output


async def test_a_script_that_takes_too_long_is_ended(bench: Bench) -> None:
    handle = await bench.launch("def train(spec, data, out, report):\n    while True: pass\n", seconds=2)
    look, _ = await bench.end(handle)
    assert (look.state, look.why) == ("timed_out", "It took longer than its 2 s and was ended.")
    await bench.nothing_left(handle)


async def test_secrets_are_neither_handed_over_nor_kept_when_they_are_printed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://mercato:hunter2@db/mercato")
    monkeypatch.setenv("MERCATO_RUNPOD_API_KEY", "rpa_hunter2")
    handle = await bench.launch(
        f"""
import os
def train(spec, data, out, report):
    print(dict(os.environ))
    print("{SECRET}")
    print("postgresql://me:hunter2@db/x", flush=True)
    os.write(1, b"tail {SECRET[:40]}")
    os.write(1, b"{SECRET[40:]}")
    return {{}}
"""
    )
    look, output = await bench.end(handle)
    assert look.state == "succeeded"
    kept = (bench.root / handle / "log").read_text()
    for text in (output, kept):
        assert SECRET not in text
        assert "hunter2" not in text
        assert "DATABASE_URL" not in text
    assert f"vk_{'0' * 32}_…" in output
    assert "postgresql://me:…@db/x" in output


@pytest.mark.skipif(not is_complete(), reason="this kernel has no Landlock of version 6")
async def test_a_script_reads_no_file_of_ours_reaches_nobody_and_signals_nobody(bench: Bench, tmp_path: Path) -> None:
    ours = tmp_path / "signing.key"
    ours.write_text("secret")
    handle = await bench.launch(
        f"""
import os, socket
from pathlib import Path
def tried(name, act):
    try:
        act()
        print(name, "happened")
    except OSError as error:
        print(name, "refused", error.errno)
def train(spec, data, out, report):
    tried("read", lambda: Path({str(ours)!r}).read_text())
    tried("list", lambda: os.listdir({str(tmp_path)!r}))
    tried("write", lambda: Path({str(tmp_path / "left")!r}).write_text("x"))
    tried("project", lambda: Path(__file__).with_name("more.py").write_text("x"))
    tried("link", lambda: os.link({str(ours)!r}, out / "linked"))
    tried("internet", lambda: socket.socket(socket.AF_INET))
    tried("unix", lambda: socket.socket(socket.AF_UNIX))
    tried("environ", lambda: Path("/proc/{os.getpid()}/environ").read_bytes())
    tried("signal", lambda: os.kill({os.getpid()}, 0))
    return {{}}
"""
    )
    look, output = await bench.end(handle)
    assert look.state == "succeeded", output
    assert "happened" not in output
    assert output.count("refused") == 9
    assert not (tmp_path / "left").exists()


async def test_a_run_survives_who_launched_it_and_is_found_again(bench: Bench) -> None:
    handle = await bench.launch("import time\ndef train(*_):\n    print('begun')\n    time.sleep(600)\n")
    await bench.said(handle, "begun")
    another = LocalProvider(bench.root, nanos_per_hour=1, runner=RUNNER)
    assert await another.find(handle) == handle
    assert await another.find("trn_unknown") is None
    assert (await another.look(handle, 0)).state == "running"
    await another.stop(handle)
    look, _ = await bench.end(handle)
    assert (look.state, look.why) == ("stopped", "It was stopped.")
    await bench.nothing_left(handle)


async def test_a_run_whose_warden_is_killed_is_gone_with_everything_and_never_begins_again(bench: Bench) -> None:
    handle = await bench.launch("import time\ndef train(*_):\n    print('begun')\n    time.sleep(600)\n")
    await bench.said(handle, "begun")
    (warden,) = [pid for pid, output in processes_naming(Path(handle)).items() if "training_local.warden" in output]
    os.kill(warden, signal.SIGKILL)
    look, _ = await bench.end(handle)
    assert look.state == "gone"
    await bench.nothing_left(handle)


async def test_a_run_whose_warden_is_slow_to_start_waits(bench: Bench) -> None:
    """From the moment that it can be found, whoever asks and however often: it is never taken for gone."""
    launching = asyncio.create_task(bench.launch("def train(s, d, out, r):\n    return {}\n"))
    seen: set[str] = set()
    async with asyncio.timeout(120):
        while not launching.done() or "succeeded" not in seen:
            for folder in bench.root.iterdir() if bench.root.exists() else ():
                if await bench.provider.find(folder.name) and (folder / "warden.log").exists():
                    seen.add((await bench.provider.look(folder.name, 0)).state)
            await asyncio.sleep(0)
    await launching
    assert seen <= {"waiting", "running", "succeeded"}


async def test_what_a_run_left_is_bounded_by_what_it_declares_and_plain(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    handle = await bench.launch(
        "def train(s, d, out, r):\n    (out / 'link').symlink_to('/etc/passwd')\n    return {}\n"
    )
    await bench.end(handle)
    with pytest.raises(ProviderRefused, match="no plain file"):
        await bench.provider.collect(handle, out, 10_000)
    folder = bench.root / handle / "out"
    (folder / "link").unlink()
    with (folder / "model.txt").open("wb") as file:
        file.truncate(10 * 1024**3)
    with pytest.raises(ProviderRefused, match="10737418240 bytes"):
        await bench.provider.collect(handle, out, 10_000)
    assert list(out.iterdir()) == []


async def test_there_is_no_gpu_here(bench: Bench) -> None:
    with pytest.raises(ProviderRefused):
        bench.provider.nanos_per_hour(TrainingSpec(task="test", gpu="A100"))
    assert json.dumps(bench.provider.environment())
