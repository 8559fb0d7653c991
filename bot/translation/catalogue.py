"""Every sentence there is, and a quick way to the few that a text could be. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from bot.translation import zh_channels, zh_files, zh_fleet, zh_others
from bot.translation.sentence import Sentence, sentence

STATES = zh_fleet.STATES
MODULES = (zh_fleet, zh_files, zh_channels, zh_others)


def _built() -> tuple[Sentence, ...]:
    whole = [sentence(en, zh) for module in MODULES for en, zh in module.SENTENCES.items()]
    return (*whole, *(sentence(en, zh, part=True) for module in MODULES for en, zh in module.PARTS.items()))


def _by_word(every: tuple[Sentence, ...]) -> Mapping[str, tuple[Sentence, ...]]:
    """Each under the word of its own that fewest others have, one that has none under ""."""
    common = Counter(word for one in every for word in set(one.words))
    index: dict[str, list[Sentence]] = {}
    for one in every:
        rarest = min(one.words, key=lambda word: (common[word], -len(word)), default="")
        index.setdefault(rarest, []).append(one)
    return {word: tuple(found) for word, found in index.items()}


SENTENCES = _built()
_INDEX = _by_word(SENTENCES)


def candidates(text: str) -> Iterator[Sentence]:
    """Those whose rarest word is in the text, mostly next to none; the one of the highest rank comes first."""
    found = {id(one): one for word in ("", *text.split()) for one in _INDEX.get(word, ())}
    return iter(sorted(found.values(), key=lambda one: one.rank, reverse=True))
