"""Everything that crosses a process: ids, keys, money, requests, events and the routing snapshot.

`ids`, `keys`, `money` and `pricing` need no third-party package, so that the gateway stays small; the other modules are
pydantic models. Import the module you need: this package imports none of them for you.
"""
