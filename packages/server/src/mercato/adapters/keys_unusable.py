"""What commands catch without the library of keys, which the parents of other processes need not hold."""


class KeysUnusable(Exception):
    """The marketplace's keys cannot be read or changed. The message says what to do."""
