"""What we do not own, each behind a port of a room: `<port>_<engine>.py`, or a folder of that name."""
