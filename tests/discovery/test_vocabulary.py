"""Phrases that mean a task are read as whole words, in every script."""

from dataclasses import replace

import pytest

from bench.discovery_listing import listing
from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.discovery import Filters, Searching, pack_vector
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
    assert read_meaning("(tts)").also == read_meaning("tts,").also == "tts speech voice"


@pytest.mark.parametrize(
    ("query", "task", "also"),
    [
        ("中文语音识别模型", "speech to text transcription", "speech transcription transcribe asr stt whisper"),
        ("日本語の翻訳を", "translation", "translation"),
        ("번역기", "translation", "translation"),
    ],
)
def test_scripts_without_spaces_have_phrases_anywhere(query: str, task: str, also: str) -> None:
    meaning = read_meaning(query)
    assert meaning.also == also
    assert f" {task} " in f" {meaning.text} "


def test_the_longest_phrase_wins_and_every_task_is_named_once() -> None:
    assert read_meaning("text to speech").also == "tts speech voice"
    assert read_meaning("tts tts and text to speech").also == "tts speech voice"
    assert read_meaning("TTS or ASR").also == "tts speech voice transcription transcribe asr stt whisper"


def test_phrases_of_another_language_are_embedded_in_english_and_english_ones_as_they_are() -> None:
    assert read_meaning("Stimmen klonen").text == "voice cloning text to speech"
    assert read_meaning("vertalen").text == "translation"
    assert read_meaning("voice cloning for games").text == "voice cloning for games"


async def test_services_are_found_by_what_they_are_called_and_not_by_every_text(
    index: EmbeddedSearchIndex, embedder: MiniLmEmbedder
) -> None:
    rows = [
        listing("speech", "step-tts-2", "Audio from text, by stepfun."),
        listing("vectors", "text-embedding-ada-002", "Vectors from text, by OpenAI."),
        listing("pictures", "text-to-picture-1", "Pictures from text, by another vendor."),
        listing("filter", "abliterated-model", "Answers without moderating anything."),
        listing("guard", "llama-guard-3", "A model of Meta."),
    ]
    vectors = await embedder.embed([one.text_to_embed() for one in rows])
    await index.apply([replace(one, vector=pack_vector(each)) for one, each in zip(rows, vectors, strict=True)])
    searching = Searching(index, embedder)

    async def first(words: str) -> tuple[str, bool]:
        answer = (await searching.search(words, Filters(), limit=1)).answer
        return answer.hits[0].document.service_id, answer.corrected

    assert await first("Sprachsynthese") == ("speech", False)
    assert await first("speech synthesis") == ("speech", False)
    assert await first("profanity") == ("guard", False), "a known word is not misspelt"
