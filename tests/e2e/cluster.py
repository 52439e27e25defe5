"""Two replicas of each role as on machines of their own: own state folders, own wires to PostgreSQL, own spools."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from tests.e2e.marketplace import MERCATO, Gateway, Marketplace, Part
from tests.e2e.processes import until
from tests.support.link import Link
from tests.support.ports import free_port, free_ports

LEADER_OF_CHORES = 7_245_110_388


class Fleet(Marketplace):
    """So many `controls`, `workers` and `gateways`, each with a state folder of its own."""

    def __init__(self, folder: Path, replicas: int = 2, **settings: str) -> None:
        super().__init__(folder, **settings)
        self._direct = self._environment["DATABASE_URL"]
        self._internal = free_ports(replicas)
        self._environment["MERCATO_CONTROL_URL"] = ",".join(f"http://127.0.0.1:{port}" for port in self._internal)
        self.controls = [self._replica("control", number) for number in range(replicas)]
        self.workers = [self._replica("worker", number) for number in range(replicas)]
        self.control, self.worker = self.controls[0], self.workers[0]
        self.control_url, self.worker_url = self.controls[0].url, self.workers[0].url
        self.gateways = [self._gateway(n) for n in range(replicas)]
        self.gateway = self.gateways[0]

    @property
    def database_url(self) -> str:
        return self._direct

    def start(self) -> None:
        self.share_secrets()
        super().start()

    def share_secrets(self) -> None:
        """The operator copies them to every machine."""
        made = self.folder / "state" / "secrets"
        made.mkdir(parents=True)
        for name in ("signing.key", "data.key", "gateway.token"):
            (made / name).write_text(secrets.token_hex(32))
            (made / name).chmod(0o600)
        for part in (*self.controls, *self.workers, *self.gateways):
            shutil.copytree(made, self.folder / part.name / "secrets")

    def count_events(self) -> int:
        """Calls that are taken in."""
        with psycopg.connect(self._direct) as database:
            row = database.execute("SELECT count(*) FROM usage_events").fetchone()
        return 0 if row is None else int(row[0])

    def is_shipped(self) -> bool:
        """Whether no gateway has usage that was not taken in."""
        return all(gateway.waiting() == 0 for gateway in self.gateways)

    def bytes_per_event(self) -> float:
        """What a call takes in the database: its event with indexes, postings, leases and sums."""
        names = "relname ~ '^(usage_|journals|postings|leases)' AND relkind IN ('r', 'p')"
        with psycopg.connect(self._direct) as database:
            row = database.execute(f"SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE {names}").fetchone()
        return 0.0 if row is None else float(row[0] or 0) / max(1, self.count_events())

    @property
    def _parts(self) -> list[Part]:
        if not hasattr(self, "gateways"):
            return super()._parts
        return [self.vendor_server, *self.controls, *self.workers, *self.gateways]

    def _replica(self, role: str, number: int) -> "Replica":
        name, port = f"{role}-{number}", free_port()
        environment = {**self._environment, "DATABASE_URL": self._database_of(name)}
        words = ["serve", role, "--port", str(port)]
        if role == "control":
            words += ["--internal-port", str(self._internal[number])]
        command = [MERCATO, "--state", str(self.folder / name), *words]
        return Replica(name, command, self._logs, environment, port)

    def _database_of(self, name: str) -> str:
        return self._direct

    def _gateway(self, number: int) -> Gateway:
        name = f"gateway-{number}"
        return Gateway(name, self.folder / name, self._logs, self._environment, workers=1)


class Cluster(Fleet):
    """Two of each; `wires` are those of control planes and workers to PostgreSQL, by their names."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.wires: dict[str, Link] = {}
        super().__init__(folder, 2, **settings)

    def stop(self) -> None:
        super().stop()
        for wire in self.wires.values():
            wire.close()

    @contextmanager
    def without(self, wire: str, *, silently: bool = False) -> Iterator[None]:
        """This process does not reach PostgreSQL while the block lasts."""
        link = self.wires[wire]
        (link.fall_silent if silently else link.cut)()
        try:
            yield
        finally:
            link.mend()

    def leaders(self) -> list[int]:
        """The server processes whose sessions hold the lock of the worker that keeps house: one, or none just now."""
        with psycopg.connect(self._direct) as database:
            query = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = %s"
            return [row[0] for row in database.execute(query, divmod(LEADER_OF_CHORES, 2**32)).fetchall()]

    def worker_of(self, submission: str) -> Part:
        """Who works on it just now."""
        query = "SELECT executor_id FROM dbos.workflow_status WHERE workflow_uuid = %s AND status = 'PENDING'"

        def find() -> Part | None:
            with psycopg.connect(self._direct) as database:
                row = database.execute(query, [f"publish:{submission}"]).fetchone()
            return None if row is None else next(each for each in self.workers if row[0].endswith(each.port))

        found = until(find, what="somebody works on it")
        assert found is not None
        return found

    def _database_of(self, name: str) -> str:
        link = self.wires[name] = Link(_socket_of(self._direct))
        return _through(self._direct, link.port)


class Replica(Part):
    """A process of the control plane or a worker."""

    def __init__(self, name: str, command: list[str], logs: Path, environment: dict[str, str], port: int) -> None:
        super().__init__(name, command, logs, environment, f"http://127.0.0.1:{port}/readyz")
        self.port = str(port)
        self.url = f"http://127.0.0.1:{port}"


def _socket_of(url: str) -> Path:
    (folder,) = parse_qs(urlsplit(url).query)["host"]
    return Path(folder) / ".s.PGSQL.5432"


def _through(url: str, port: int) -> str:
    """The same database by TCP at this port of loopback."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    return f"postgresql://{user}@127.0.0.1:{port}{parts.path}"
