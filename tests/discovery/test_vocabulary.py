"""Phrases that mean a task are read as whole words, in every script."""

import pytest

from mercato.discovery.vocabulary import Meaning, read_meaning


@pytest.mark.parametrize("query", ["mediocre scans", "lasrs", "a stttutter", "ocred"])
def test_letters_within_a_word_mean_nothing(query: str) -> None:
    assert read_meaning(query) == Meaning(query, "")


def test_a_word_that_contains_a_phrase_is_not_spoilt() -> None:
    meaning = read_meaning("mediocre OCR of mediocre scans")
    assert meaning.text.startswith("mediocre ")
    assert meaning.text.endswith(" of mediocre scans")
    assert meaning.also in meaning.text


def test_a_phrase_ends_at_signs_too() -> None:
    assert read_meaning("(tts)").also == read_meaning("tts,").also == "text to speech"


@pytest.mark.parametrize(
    ("query", "task"),
    [
        ("中文语音识别模型", "speech to text transcription"),
        ("日本語の翻訳を", "translation"),
        ("번역기", "translation"),
    ],
)
def test_scripts_without_spaces_have_phrases_anywhere(query: str, task: str) -> None:
    meaning = read_meaning(query)
    assert meaning.also == task
    assert f" {task} " in f" {meaning.text} "


def test_the_longest_phrase_wins_and_every_task_is_named_once() -> None:
    assert read_meaning("text to speech").also == "text to speech"
    assert read_meaning("tts tts and text to speech").also == "text to speech"
    assert read_meaning("TTS or ASR").also == "text to speech speech to text transcription"
