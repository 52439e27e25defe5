"""`mp data` against a real server: lists, and downloads that survive cuts, kills and lies."""

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from mercato.adapters.objects_folder import LocalFolder
from mercato.adapters.signed_links import SignedLinks
from mercato.datasets import Round
from mercato.datasets.features import WARM_UP_DAYS
from mercato.datasets.sources import read_market
from mercato.identity import Caller, Keys, Role, SecretHasher, SignUp
from mercato.identity.permissions import permissions_of
from mercato.platform import Database, MarketplaceSecret, Outbox, SystemClock, SystemIds
from tests.cli.conftest import Mp
from tests.conftest import as_url
from tests.datasets.conftest import DataRoom
from tests.support.cutting_proxy import CuttingProxy, cut_between
from tests.support.running import BIN, Place, get, open_folder
from tests.support.waiting import eventually

NAME = "us-equities-daily"


@dataclass
class Desk:
    """A served marketplace with one open round, a proxy before it, and a vendor who is logged in through it."""

    mp: Mp
    proxy: CuttingProxy
    room: DataRoom
    round: Round
    folder: Path

    @property
    def parts(self) -> list[Path]:
        """Unfinished downloads."""
        return list(self.folder.rglob("*.part"))

    @property
    def files(self) -> dict[str, bytes]:
        """Everything that looks like a file of a round, whatever it is."""
        return {path.name: path.read_bytes() for path in self.folder.rglob("*") if path.suffix in (".parquet", ".json")}

    async def whole(self, name: str) -> bytes:
        """The file as the marketplace has it."""
        return await self.room.store.get(f"rounds/{self.round.id}/{name}")

    def pull(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """`mp data pull`, all files."""
        return self.mp("data", "pull", NAME, "--to", str(self.folder), *words)


@pytest.fixture(scope="module")
def served(postgres: str, migrated_template: str) -> Iterator[tuple[Place, CuttingProxy, str]]:
    """The control plane behind the proxy, which is also where its links lead; and its database."""
    name = f"data_{uuid4().hex[:12]}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_template}".encode())
    url = as_url(postgres, name)
    with open_folder() as folder, cut_between() as proxy:
        place = Place(folder)
        proxy.server_port = place.port
        place.environment |= {"DATABASE_URL": url, "MERCATO_PUBLIC_URL": proxy.url}
        running = place.start("serve", "control", "--port", str(place.port))
        eventually(lambda: get(place.port, "/readyz")[0] == 200, f"the control plane is ready: {running.err()}")
        yield place, proxy, url
        assert running.stop() == 0
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="module")
async def opened(served: tuple[Place, CuttingProxy, str], hasher: SecretHasher) -> tuple[DataRoom, Round, str]:
    """A dataset with an open round, and a vendor's key."""
    place, proxy, url = served
    database, clock = Database(url), SystemClock()
    ids, outbox = SystemIds(clock), Outbox(clock)
    store = LocalFolder(place.state / "objects", SignedLinks(MarketplaceSecret.of(b"s" * 32), clock), proxy.url)
    room = DataRoom(database, clock, ids, outbox, store, read_market().until(WARM_UP_DAYS + 900))  # type: ignore[arg-type]
    await room.build()
    first = await room.open()
    async with database.transaction() as session:
        joining = SignUp(session, clock, ids, hasher, outbox)
        organisation, user = await joining.sign_up(
            slug="acme", name="Acme", email="acme@example.org", password="correct horse battery"
        )
        permissions = permissions_of(Role.ADMIN, in_operator=False)
        caller = Caller(organisation.id, "acme", user.id, Role.ADMIN, permissions, is_operator=False)
        keys = Keys(session, clock, ids, hasher, outbox)
        key = await keys.make(caller, kind="vk", name="v", scopes=None, expires_at=None)
    await database.close()
    return room, first, key.text


@pytest.fixture
def desk(
    served: tuple[Place, CuttingProxy, str], opened: tuple[DataRoom, Round, str], tmp_path: Path
) -> Iterator[Desk]:
    """See `Desk`."""
    room, first, key = opened
    proxy = served[1]
    mp = Mp(tmp_path)
    assert mp("login", "--url", proxy.url, "--token", "-", stdin=key).returncode == 0
    yield Desk(mp, proxy, room, first, tmp_path / "rounds")
    proxy.mend()


async def test_a_vendor_looks_and_pulls(desk: Desk) -> None:
    listed = desk.mp.json("data", "list")["items"]
    assert [(each["name"], each["open_round"]) for each in listed] == [(NAME, 1)]
    assert "Survivorship bias" in desk.mp("data", "info", NAME).stdout
    shown = desk.mp("data", "info", NAME, "--round", "1").stdout
    assert "targets.parquet" in shown
    assert "when resolved" in shown
    done = desk.mp.json("data", "pull", NAME, "--to", str(desk.folder))
    assert [(file["name"], file["downloaded"]) for file in done["files"]] == [
        ("live.parquet", True), ("train.parquet", True),
    ]  # fmt: skip
    for name in ("live.parquet", "train.parquet"):
        assert desk.files[name] == await desk.whole(name)
    manifest = json.loads(desk.files["round.json"])
    assert manifest["id"] == desk.round.id
    assert {file["sha256"] for file in manifest["files"]} == {
        hashlib.sha256(desk.files[name]).hexdigest() for name in ("live.parquet", "train.parquet")
    }
    again = desk.mp.json("data", "pull", NAME, "--to", str(desk.folder))
    assert not any(file["downloaded"] for file in again["files"])
    assert desk.parts == []


async def test_targets_are_refused_until_the_round_is_resolved(desk: Desk) -> None:
    refused = desk.pull("--file", "targets.parquet")
    assert refused.returncode == 1
    assert "handed out once it is resolved" in refused.stderr
    assert desk.files == {}


def test_what_is_not_there_is_one_line(desk: Desk) -> None:
    for words in (("--round", "99"), ("--file", "nothing.parquet"), ("--file", "../../secrets.parquet")):
        refused = desk.pull(*words)
        assert refused.returncode in (1, 2)
        assert len(refused.stderr.strip().splitlines()) == 1
        assert desk.files == {}


async def test_cuts_are_survived_and_only_the_rest_is_asked_for(desk: Desk) -> None:
    size = len(await desk.whole("train.parquet"))
    desk.proxy.limit = lambda number, head: size // 4 if number < 5 else None
    done = desk.pull("--file", "train.parquet")
    assert done.returncode == 0, done.stderr
    assert desk.files["train.parquet"] == await desk.whole("train.parquet")
    ranges = [
        line.partition("=")[2]
        for head in desk.proxy.downloads
        for line in head.lower().split("\r\n")
        if "range:" in line
    ]
    starts = [int(each.rstrip("-")) for each in ranges]
    assert len(starts) >= 3
    assert starts == sorted(starts)
    assert desk.parts == []


async def test_a_line_that_stays_dead_ends_with_one_line_and_what_arrived_is_kept(desk: Desk) -> None:
    size = len(await desk.whole("train.parquet"))
    desk.proxy.limit = lambda number, head: size // 2 if number == 0 else 0
    cut = desk.pull()
    assert cut.returncode == 4
    assert "it goes on from there" in cut.stderr
    assert set(desk.files) <= {"live.parquet"}  # no train.parquet, no round.json: nothing looks whole
    (part,) = desk.parts
    assert (await desk.whole(part.name.split(".")[0] + ".parquet")).startswith(part.read_bytes())
    desk.proxy.limit = lambda number, head: None
    assert desk.pull().returncode == 0
    assert desk.files["train.parquet"] == await desk.whole("train.parquet")
    assert desk.parts == []


async def test_a_killed_mp_goes_on_where_it_was(desk: Desk) -> None:
    whole = await desk.whole("train.parquet")
    desk.proxy.limit, desk.proxy.holds = lambda number, head: len(whole) // 2, True
    words = [str(BIN / "mp"), "data", "pull", NAME, "--file", "train.parquet", "--to", str(desk.folder)]
    killed = subprocess.Popen(words, env=desk.mp.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: any(part.stat().st_size > 10_000 for part in desk.parts), "half of it arrived")
    second = desk.pull("--file", "train.parquet")
    assert "Another mp is downloading" in second.stderr
    killed.send_signal(signal.SIGKILL)
    killed.wait(60)
    assert desk.files == {}
    kept = desk.parts[0].stat().st_size
    desk.proxy.limit = lambda number, head: None
    before = len(desk.proxy.downloads)
    done = desk.pull("--file", "train.parquet")
    assert done.returncode == 0, done.stderr
    assert desk.files["train.parquet"] == whole
    assert [f"range: bytes={kept}-" in head.lower() for head in desk.proxy.downloads[before:]] == [True]


async def test_wrong_bytes_are_refused_and_nothing_is_left_that_looks_whole(desk: Desk) -> None:
    desk.proxy.change = lambda piece: piece.replace(b"feature_", b"faeture_")
    refused = desk.pull("--file", "train.parquet")
    assert refused.returncode == 4
    assert "damaged" in refused.stderr
    assert desk.files == {}
    assert [part.stat().st_size for part in desk.parts] == [0]
    desk.proxy.change = lambda piece: piece
    assert desk.pull("--file", "train.parquet").returncode == 0


@pytest.mark.parametrize("damage", [lambda whole: whole + b"and more", lambda whole: whole[: len(whole) // 2]])
async def test_a_file_that_is_longer_or_shorter_than_promised_is_refused(
    desk: Desk, damage: Callable[[bytes], bytes]
) -> None:
    key = f"rounds/{desk.round.id}/live.parquet"
    whole = await desk.whole("live.parquet")
    await desk.room.store.put(key, damage(whole))
    try:
        refused = desk.pull()
        assert refused.returncode == 4, refused.stderr
        assert desk.files == {}
    finally:
        await desk.room.store.put(key, whole)
    assert desk.pull().returncode == 0
    assert desk.files["live.parquet"] == whole


async def test_a_damaged_part_or_file_of_before_is_replaced(desk: Desk) -> None:
    whole = await desk.whole("train.parquet")
    desk.folder.mkdir()
    digest = hashlib.sha256(whole).hexdigest()
    part = desk.folder / f"train.parquet.{digest[:12]}.part"
    for kept in (b"x" * 1000, whole + b"too much", whole[:-1] + b"?"):
        part.write_bytes(kept)
        (desk.folder / "train.parquet").write_bytes(b"an older file, cut in the mid")
        assert desk.pull("--file", "train.parquet").returncode == 0
        assert desk.files["train.parquet"] == whole
        assert desk.parts == []


async def test_a_folder_that_cannot_be_written_is_one_line(desk: Desk) -> None:
    blocked = desk.folder.parent / "a-file"
    blocked.write_text("not a folder")
    refused = desk.mp("data", "pull", NAME, "--to", str(blocked / "inside"))
    assert refused.returncode == 2
    assert len(refused.stderr.strip().splitlines()) == 1
    assert os.listdir(blocked.parent)
