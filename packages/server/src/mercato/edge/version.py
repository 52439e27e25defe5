"""The version of this server."""

from importlib.metadata import version

SERVER_VERSION = version("mercato-server")
