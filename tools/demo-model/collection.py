"""Makes the demo collection: pictures that training never saw, and what a museum would know of them.

The metadata is Linked Art, which is CIDOC-CRM. Artists and works are invented.
"""

import argparse
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from captions import PEOPLE, VIEWS
from compose import Scene, draw, plan
from concepts import LANGUAGES, concepts

SEED = 424_242
PIXELS = 400
PER_VIEW, PER_PEOPLE, PER_THING = 9, 9, 120
MOST_BYTES = 19_500
# Things that everybody will look for, each alone on some pictures.
FAMILIAR = ["cat", "airplane", "dog", "horse", "violin", "umbrella", "deciduous tree", "bicycle", "elephant", "rose", "locomotive", "red apple"]
PER_FAMILIAR = 3

ARTISTS = {
    "carlo-riva": "Carlo Riva", "elsa-brunner": "Elsa Brunner", "henri-vallotton-roche": "Henri Vallotton-Roche",
    "maria-fontana": "Maria Fontana", "johann-ried": "Johann Ried", "lucie-marchand": "Lucie Marchand",
    "tommaso-belfiore": "Tommaso Belfiore", "agnes-hollis": "Agnes Hollis", "peter-sandmeier": "Peter Sandmeier",
    "clara-winding": "Clara Winding",
}  # fmt: skip
PLACES = {
    "lugano": ["Lugano", "Lugano", "Lugano", "Lugano"],
    "bern": ["Bern", "Bern", "Berne", "Berna"],
    "geneva": ["Geneva", "Genf", "Genève", "Ginevra"],
    "zurich": ["Zurich", "Zürich", "Zurich", "Zurigo"],
    "milan": ["Milan", "Mailand", "Milan", "Milano"],
    "london": ["London", "London", "Londres", "Londra"],
}
# The labels, the kind of work, and when it was made.
TECHNIQUES = {
    "oil painting": (["oil painting", "Ölmalerei", "peinture à l'huile", "pittura a olio"], "painting", 1780, 1930),
    "watercolour": (["watercolour", "Aquarell", "aquarelle", "acquerello"], "painting", 1790, 1940),
    "drawing": (["drawing", "Zeichnung", "dessin", "disegno"], "drawing", 1700, 1950),
    "engraving": (["engraving", "Kupferstich", "gravure", "incisione"], "print", 1600, 1850),
    "photograph": (["photograph", "Fotografie", "photographie", "fotografia"], "photograph", 1940, 2000),
    "black-and-white photograph": (
        ["black-and-white photograph", "Schwarzweißfotografie", "photographie en noir et blanc", "fotografia in bianco e nero"],
        "photograph", 1880, 1970,
    ),
    "sepia print": (["sepia print", "Sepiaabzug", "tirage sépia", "stampa seppia"], "photograph", 1850, 1920),
}  # fmt: skip
TYPES = {
    "painting": ["painting", "Gemälde", "peinture", "dipinto"],
    "drawing": ["drawing", "Zeichnung", "dessin", "disegno"],
    "print": ["print", "Druckgrafik", "estampe", "stampa"],
    "photograph": ["photograph", "Fotografie", "photographie", "fotografia"],
}
AND = {"en": " and ", "de": " und ", "fr": " et ", "it": " e "}
PREFIXES = """\
@prefix crm:       <http://www.cidoc-crm.org/cidoc-crm/> .
@prefix la:        <https://linked.art/ns/terms/> .
@prefix dcterms:   <http://purl.org/dc/terms/> .
@prefix rdfs:      <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd:       <http://www.w3.org/2001/XMLSchema#> .
@prefix object:    <https://example.org/demo/object/> .
@prefix person:    <https://example.org/demo/person/> .
@prefix place:     <https://example.org/demo/place/> .
@prefix technique: <https://example.org/demo/technique/> .
@prefix type:      <https://example.org/demo/type/> .
"""


@dataclass
class Work:
    name: str
    titles: list[str]
    scene: Scene
    artist: str
    place: str
    year: int


def titles(rng: np.random.Generator, scene: Scene) -> list[str]:
    """What is to be seen, in each language; the same way of telling a view in none of them."""
    found = []
    for language in LANGUAGES:
        parts = []
        if scene.is_people:
            parts.append(PEOPLE[language][0])
        if scene.view:
            parts.append(str(rng.choice(VIEWS[scene.view][language])))
        if not scene.is_people:
            parts += [concepts()[i].names[language] for i, _ in scene.objects]
        head, last = ", ".join(parts[:-1]), parts[-1]
        title = head + AND[language] + last if head else last
        found.append(title[0].upper() + title[1:])
    return found


def only(rng: np.random.Generator, scene: Scene, name: str) -> Scene:
    """The scene with the thing of this English name, alone."""
    [index] = [i for i, concept in enumerate(concepts()) if concept.names["en"] == name]
    thing = concepts()[index]
    return replace(scene, objects=[(index, 1)], variants=[str(rng.choice(thing.held_out or thing.variants))])


def works() -> list[Work]:
    rng = np.random.default_rng(SEED)
    wanted = {**dict.fromkeys(VIEWS, PER_VIEW), "people": PER_PEOPLE, "thing": PER_THING}
    # A harbour town on a lake collects ships.
    wanted["sailing ship"] += 6
    numbers = dict.fromkeys(wanted, 0)
    found = []
    while sum(wanted.values()) > len(found):
        scene = plan(rng, held_out=True)
        kind = "people" if scene.is_people else scene.view or "thing"
        if numbers[kind] == wanted[kind]:
            continue
        numbers[kind] += 1
        if kind == "thing" and numbers[kind] <= PER_FAMILIAR * len(FAMILIAR):
            scene = only(rng, scene, FAMILIAR[numbers[kind] % len(FAMILIAR)])
        if scene.technique == "picture":
            scene = replace(scene, technique=str(rng.choice(list(TECHNIQUES))))
        place = str(rng.choice(list(PLACES)))
        is_early = kind == "sailing ship" and numbers[kind] % 3 == 0
        if is_early:
            scene, place = replace(scene, technique="oil painting"), "lugano"
        _, _, first, last = TECHNIQUES[scene.technique]
        stem = kind.replace(" ", "-") if kind != "thing" else "-".join(concepts()[i].names["en"] for i, _ in scene.objects[:1])
        stem = "".join(c if c.isascii() and c.isalnum() else "-" for c in stem.lower()).strip("-")
        name = f"{stem}-{numbers[kind]:03}" if kind != "thing" else f"{stem}-{300 + numbers[kind]}"
        year = int(rng.integers(first, 1850 if is_early else last))
        found.append(Work(name, titles(rng, scene), scene, str(rng.choice(list(ARTISTS))), place, year))
    return found


def jpeg(picture: Image.Image) -> bytes:
    """As good as fits into MOST_BYTES."""
    for quality in range(82, 20, -6):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
        if file.tell() <= MOST_BYTES:
            break
    return file.getvalue()


def text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def labels(values: list[str]) -> str:
    return " , ".join(f"{text(value)}@{language}" for value, language in zip(values, LANGUAGES))


def slug(value: str) -> str:
    return value.replace(" ", "-")


def described(work: Work) -> str:
    technique, (_, kind, _, _) = work.scene.technique, TECHNIQUES[work.scene.technique]
    return f"""
object:{work.name} a crm:E22_Human-Made_Object ;
    rdfs:label {labels(work.titles)} ;
    crm:P1_is_identified_by [ a crm:E33_E41_Linguistic_Appellation ; crm:P190_has_symbolic_content {text(work.titles[0])} ] ;
    crm:P2_has_type type:{kind} ;
    crm:P108i_was_produced_by [
        a crm:E12_Production ;
        crm:P14_carried_out_by person:{work.artist} ;
        crm:P32_used_general_technique technique:{slug(technique)} ;
        crm:P4_has_time-span [
            a crm:E52_Time-Span ;
            crm:P82a_begin_of_the_begin "{work.year}-01-01T00:00:00Z"^^xsd:dateTime ;
            crm:P82b_end_of_the_end "{work.year}-12-31T23:59:59Z"^^xsd:dateTime
        ]
    ] ;
    crm:P55_has_current_location place:{work.place} ;
    crm:P138i_has_representation [
        a crm:E36_Visual_Item ;
        la:digitally_shown_by [
            a crm:D1_Digital_Object ;
            la:digitally_available_via [ a la:DigitalService ; dcterms:conformsTo <http://iiif.io/api/image> ; la:access_point <{work.name}.jpg> ]
        ]
    ] .
"""


def metadata(all_works: list[Work]) -> str:
    lines = [
        "# Made by tools/demo-model/collection.py. Artists and works are invented.",
        "# The relative IRIs are those of the pictures' IIIF image services.",
        PREFIXES,
    ]
    lines += [f"person:{key} a crm:E21_Person ; rdfs:label {text(name)} ." for key, name in ARTISTS.items()]
    for prefix, kind, entries in [
        ("place", "crm:E53_Place", PLACES.items()),
        ("technique", "crm:E55_Type", [(slug(key), value[0]) for key, value in TECHNIQUES.items()]),
        ("type", "crm:E55_Type", TYPES.items()),
    ]:
        lines += [f"{prefix}:{key} a {kind} ; rdfs:label {labels(names)} ." for key, names in entries]
    return "\n".join(lines) + "\n" + "".join(described(work) for work in all_works)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path, help="examples/demo")
    options = arguments.parse_args()
    pictures = options.folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    for old in pictures.glob("*.jpg"):
        old.unlink()
    made = works()
    size = 0
    for work in made:
        content = jpeg(draw(work.scene, PIXELS))
        size += len(content)
        (pictures / f"{work.name}.jpg").write_bytes(content)
    (options.folder / "metadata.ttl").write_text(metadata(made), encoding="utf-8")
    early = [w.name for w in made if w.scene.view == "sailing ship" and w.place == "lugano" and w.year < 1850]
    print(f"{len(made)} pictures, {size / 1e6:.2f} MB; ships painted before 1850 in Lugano: {len(early)}")


if __name__ == "__main__":
    main()
