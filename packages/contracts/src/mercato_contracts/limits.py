"""Bounds that a person meets before anything is sent."""

PASSWORD_SHORTEST = 12
PASSWORD_LONGEST = 200
