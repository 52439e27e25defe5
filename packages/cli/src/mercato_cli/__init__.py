"""The `mp` command and a typed client of the control API.

`mp` answers at once: modules of commands import click and the standard library only; `client` (httpx, pydantic) is
imported when a request is made.
"""
