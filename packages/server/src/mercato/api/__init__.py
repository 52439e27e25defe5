"""Routers of the control API, one file a noun: each translates between HTTP and a room, and decides nothing."""
