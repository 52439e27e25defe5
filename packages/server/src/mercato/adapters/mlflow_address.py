"""The address of MLflow, read without asking it: a wrong one is found before anything starts."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?:(?P<user>[^:@/\s]+):(?P<password>[^@/\s]+)@)?"
    r"(?P<host>(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?)(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?"
)


@dataclass(frozen=True, slots=True)
class MlflowAddress:
    """Where MLflow is, without a closing slash, and who we are there."""

    url: str
    user: str | None
    password: str | None


def read_address(url: str) -> MlflowAddress:
    """Read `http[s]://[user:password@]host[:port][/path]`. Raises `ValueError`, whose words hold nothing of it."""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        raise ValueError("MERCATO_MLFLOW_URL is `http[s]://[user:password@]host[:port][/path]`.")
    user, password = found["user"], found["password"]
    return MlflowAddress(
        f"{found['scheme']}://{found['host']}{found['path']}",
        None if user is None else unquote(user),
        None if password is None else unquote(password),
    )
