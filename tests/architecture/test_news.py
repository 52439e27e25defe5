"""News as a whole: one class a topic, and no class that is never told."""

import importlib.util
import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from mercato.platform import News
from mercato.webhooks.events import KINDS, EventKind

_SCRIPT = Path(__file__).parents[2] / "scripts" / "events_page.py"
_SPEC = importlib.util.spec_from_file_location("events_page", _SCRIPT)
assert _SPEC is not None
assert _SPEC.loader is not None
page = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(page)

_MODULES = page.find_modules()
_OURS: list[type[News]] = page.our_news()


def test_no_topic_has_two_classes() -> None:
    topics = [kind.topic for kind in _OURS]
    assert topics
    assert len(set(topics)) == len(topics)


@pytest.mark.parametrize("kind", _OURS, ids=lambda kind: kind.topic)
def test_a_class_is_told_by_its_own_room_and_explained(kind: type[News]) -> None:
    room = kind.__module__.split(".")[1]
    tellers = _MODULES[kind].tell
    assert tellers, "nobody tells it, so nobody can hear it"
    assert all(path.startswith(f"{room}/") for path in tellers)
    assert inspect.getdoc(kind) != inspect.getdoc(News)
    assert [each.name for each in fields(kind) if not page.meaning_of(kind, each.name)] == []


@pytest.mark.parametrize("kind", _OURS, ids=lambda kind: kind.topic)
def test_the_front_door_of_the_room_exports_it(kind: type[News]) -> None:
    front_door = importlib.import_module(kind.__module__.removesuffix(".news"))
    assert getattr(front_door, kind.__name__) is kind
    assert kind.__name__ in front_door.__all__


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.news.topic)
def test_a_webhook_names_fields_that_its_news_has(kind: EventKind) -> None:
    assert {*kind.parties, *kind.shown} <= {each.name for each in fields(kind.news)}
    assert "by" not in kind.shown
