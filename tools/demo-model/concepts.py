"""The things of the demo world: emoji with the names that Unicode CLDR gives them.

Source: the Debian packages fonts-noto-color-emoji, unicode-cldr-core and unicode-data.
"""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
CLDR = Path("/usr/share/unicode/cldr/common")
EMOJI_TEST = Path("/usr/share/unicode/emoji/emoji-test.txt")
LANGUAGES = ["en", "de", "fr", "it"]

GROUPS = {"People & Body", "Animals & Nature", "Food & Drink", "Travel & Places", "Activities", "Objects"}
# Too alike to be told apart at 96 pixels, or signs rather than things.
LEFT_OUT_SUBGROUPS = {
    "hand-fingers-open", "hand-fingers-partial", "hand-single-finger", "hand-fingers-closed", "hands",
    "time", "mail", "office", "family", "person-gesture", "place-map", "sound", "body-parts", "award-medal",
    "lock", "medical", "other-object", "person-symbol",
}  # fmt: skip
# Faces belong to another group; a few have a shape of their own.
KEPT_FACES = ["💀", "👻", "👽", "🤖", "🎃", "😺", "🐵", "🤡", "👹", "😀", "😭", "😡", "😴", "😎"]
KEPT_ANYWAY = ["❤️", "🗺️", "🧭", "✉️", "✏️", "✂️", "📎", "⏰", "⌛", "🕰️", "🔔", "📯", "👋", "👍", "✊", "👏"]
LEFT_OUT = {
    "👤", "🫂", "👣", "🗣️", "🌑", "🌒", "🌔", "🌖", "🌗", "🌘", "🌚", "🌛", "🌜", "🌝", "💠", "🀄", "🎴",
    "🃏", "♠️", "♥️", "♦️", "♣️", "🌫️", "🌁", "💧", "🩸", "🚻", "🅿️", "🛑", "🚥", "🔅", "🔆", "📳", "📴",
    "🎦", "📶", "📲", "🔇", "🌇", "🌆", "🌃", "🌄", "🌅", "🌉", "🏞️", "🎑", "🎌", "🎏", "📛", "🔱",
}  # fmt: skip
SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
# Drawn only in evaluation and in the demo collection.
HELD_OUT_TONE = "\U0001f3fe"


@dataclass
class Concept:
    emoji: str
    group: str
    subgroup: str
    names: dict[str, str]
    keywords: dict[str, list[str]]
    variants: list[str] = field(default_factory=list)
    held_out: list[str] = field(default_factory=list)

    @property
    def is_person(self) -> bool:
        return self.subgroup.startswith("person")


def annotations(language: str) -> dict[str, tuple[str, list[str]]]:
    """Name and keywords by emoji, without variation selectors."""
    found: dict[str, tuple[str, list[str]]] = {}
    for folder in ["annotations", "annotationsDerived"]:
        names: dict[str, str] = {}
        keywords: dict[str, list[str]] = {}
        for node in ElementTree.parse(CLDR / folder / f"{language}.xml").iter("annotation"):
            emoji, text = node.get("cp"), (node.text or "").strip()
            if node.get("type") == "tts":
                names[emoji] = text
            else:
                keywords[emoji] = [word.strip() for word in text.split("|")]
        found |= {emoji: (name, keywords.get(emoji, [])) for emoji, name in names.items()}
    return found


def bare(emoji: str) -> str:
    return emoji.replace("\ufe0f", "")


@cache
def concepts() -> list[Concept]:
    """All things, in the order of Unicode."""
    by_language = {language: annotations(language) for language in LANGUAGES}
    found: dict[str, Concept] = {}
    group = subgroup = ""
    for line in EMOJI_TEST.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"# (sub)?group: (.*)", line):
            if match[1]:
                subgroup = match[2]
            else:
                group = match[2]
            continue
        match = re.match(r"([0-9A-F ]+); fully-qualified\s+# (\S+) E([0-9.]+) (.*)", line)
        if not match or float(match[3]) > 14:
            continue
        emoji = match[2]
        if any(tone in emoji for tone in SKIN_TONES):
            tones = [c for c in emoji if c in SKIN_TONES]
            base = bare("".join(c for c in emoji if c not in SKIN_TONES))
            for concept in found.values():
                if bare(concept.emoji) == base and len(tones) == 1:
                    (concept.held_out if tones[0] == HELD_OUT_TONE else concept.variants).append(emoji)
            continue
        kept = emoji in KEPT_FACES or emoji in KEPT_ANYWAY
        if not kept:
            if group not in GROUPS or subgroup in LEFT_OUT_SUBGROUPS or emoji in LEFT_OUT:
                continue
            # Compositions (woman astronaut, red-haired man) say what their parts say.
            if "\u200d" in emoji:
                continue
        if any(bare(emoji) not in by_language[language] for language in LANGUAGES):
            continue
        names = {language: by_language[language][bare(emoji)][0] for language in LANGUAGES}
        keywords = {
            language: [word for word in by_language[language][bare(emoji)][1] if word.lower() != names[language].lower()]
            for language in LANGUAGES
        }
        found[emoji] = Concept(emoji, group, subgroup, names, keywords, [emoji])
    return list(found.values())


@cache
def keyword_uses(language: str) -> dict[str, int]:
    """In how many concepts a keyword stands: one that is everywhere tells little."""
    uses: dict[str, int] = {}
    for concept in concepts():
        for word in concept.keywords[language]:
            uses[word] = uses.get(word, 0) + 1
    return uses


if __name__ == "__main__":
    everything = concepts()
    print(len(everything), "concepts,", sum(len(c.variants) for c in everything), "variants,",
          sum(len(c.held_out) for c in everything), "held out")  # fmt: skip
    for concept in everything:
        print(concept.emoji, concept.subgroup, *concept.names.values(), sep=" | ")
