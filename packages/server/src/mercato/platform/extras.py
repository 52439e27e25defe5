"""What is installed only where it is used: the desk's libraries (`mercato-server[desk]`)."""

from collections.abc import Iterator
from contextlib import contextmanager

from mercato.platform.refusals import Refusal


class DeskNotInstalled(Refusal):
    """This server was installed without the libraries of the trading desk."""

    code = "desk_not_installed"
    status = 501
    title = "The desk's libraries are not installed here"
    fix = "Install `mercato-server[desk]` where this process runs and start it again."


@contextmanager
def desk_libraries() -> Iterator[None]:
    """Wraps imports of these libraries; raises `DeskNotInstalled` if one is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise DeskNotInstalled(f"This needs the Python package {error.name}.", package=error.name) from None
