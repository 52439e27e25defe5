"""Text of strangers as one line that people are shown."""


def one_line(text: str, longest: int) -> str:
    """The text without anything unprintable and with single blanks, at most `longest` characters; perhaps empty."""
    printable = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(printable.split())[:longest]
