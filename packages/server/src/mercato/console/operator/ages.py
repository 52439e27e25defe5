"""How long something lasts, in words."""


def age(seconds: int | None) -> str:
    """3 d 4 h, 2 h, 5 min, 40 s; a dash where nothing is known."""
    if seconds is None:
        return "—"
    days, hours, minutes = seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"
