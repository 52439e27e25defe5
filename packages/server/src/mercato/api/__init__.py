"""The control API: routers translate, rooms decide."""
