"""A real Keycloak on a free loopback port, from Maven's archive of its distribution; realms come from a file."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.ports import free_ports
from tests.support.waiting import eventually

_HOME = Path(__file__).parents[2] / ".engines/keycloak"
_ARCHIVE = "org.keycloak:keycloak-quarkus-dist:26.5.6:zip"
_SECONDS = 1_800.0
"""The first build takes minutes of a quiet machine, and this one may be ten-fold loaded."""
_JAVA = {"JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1"}


def why_not() -> str | None:
    """What is missing to run one here."""
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    return f"needs {' and '.join(missing)}" if missing else None


def install() -> str | None:
    """Download and build it once, 165 MB and some minutes; why it cannot be had, where it cannot."""
    if _HOME.is_dir():
        return None
    part = _HOME.with_name(f"keycloak.{os.getpid()}")
    copy = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={_ARCHIVE}", f"-DoutputDirectory={part}"]
    try:
        subprocess.run(copy, check=True, timeout=_SECONDS, capture_output=True)
        (archive,) = part.glob("*.zip")
        shutil.unpack_archive(archive, part)
        (unpacked,) = part.glob("keycloak-*/")
        build = ["nice", "-n", "10", "sh", str(unpacked / "bin/kc.sh"), "build", "--db=dev-file"]
        subprocess.run(build, check=True, timeout=_SECONDS, capture_output=True, env=os.environ | _JAVA)
        unpacked.rename(_HOME)
    except (OSError, subprocess.SubprocessError) as error:
        return f"Keycloak cannot be had here: {error}"
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return None


def realm_of(client: Mapping[str, str], callback: str, people: Mapping[str, Any], password: str) -> dict[str, Any]:
    """Acme's realm: a client that must use PKCE, the people, and their groups in the claim `groups`."""
    groups = sorted({group for facts in people.values() for group in facts["groups"]})
    claim = {"claim.name": "groups", "full.path": "false", "id.token.claim": "true", "userinfo.token.claim": "true"}
    mapper = {
        "name": "groups", "protocol": "openid-connect", "protocolMapper": "oidc-group-membership-mapper",
        "config": claim,
    }  # fmt: skip
    application = {
        "clientId": client["client_id"], "secret": client["client_secret"], "redirectUris": [callback],
        "standardFlowEnabled": True, "publicClient": False, "protocolMappers": [mapper],
        "attributes": {"pkce.code.challenge.method": "S256"},
    }  # fmt: skip
    return {
        "realm": "acme", "enabled": True, "sslRequired": "none", "clients": [application],
        "groups": [{"name": group} for group in groups],
        "users": [_person(name, facts, password) for name, facts in people.items()],
    }  # fmt: skip


def _person(name: str, facts: Mapping[str, Any], password: str) -> dict[str, Any]:
    return {
        "username": name, "enabled": True, "email": facts["email"], "emailVerified": facts["email_verified"],
        "firstName": facts["name"], "lastName": "Acme", "groups": [f"/{group}" for group in facts["groups"]],
        "credentials": [{"type": "password", "value": password, "temporary": False}],
    }  # fmt: skip


@contextmanager
def serve_keycloak(folder: Path, realm: Mapping[str, Any]) -> Iterator[str]:
    """The issuer of the realm, until the block ends; its database is in `folder` and goes with it."""
    (folder / "data/import").mkdir(parents=True)
    for shared in ("conf", "lib", "providers", "themes"):
        (folder / shared).symlink_to(_HOME / shared)
    (folder / "data/import/realm.json").write_text(json.dumps(realm))
    port, management = free_ports(2)
    issuer = f"http://127.0.0.1:{port}/realms/{realm['realm']}"
    command = [
        "nice", "-n", "10", "sh", str(_HOME / "bin/kc.sh"), "start", "--optimized", "--import-realm",
        f"-Dkc.home.dir={folder}", "--http-enabled=true", "--http-host=127.0.0.1", f"--http-port={port}",
        f"--hostname=http://127.0.0.1:{port}",
        f"--http-management-port={management}", "--http-management-host=127.0.0.1", "--cache=local",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | _JAVA, start_new_session=True)
        try:
            eventually(lambda: _answers(issuer, process), f"Keycloak answers; see {folder / 'log'}", _SECONDS)
            yield issuer
        finally:
            # The script hands SIGTERM on to Java, which it waits for.
            process.send_signal(signal.SIGTERM)
            process.wait(_SECONDS)


def _answers(issuer: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "Keycloak ended; its log says why"
    try:
        return httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=60).status_code == 200
    except httpx.RequestError:
        return False
