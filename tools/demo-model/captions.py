"""Tells a scene in words, in one of four languages."""

import re

import numpy as np

from compose import Scene
from concepts import Concept, concepts, keyword_uses

Rng = np.random.Generator

# How people call what the rules draw.
VIEWS = {
    "lake": {
        "en": ["a mountain lake", "mountain lake", "a lake in the mountains", "an alpine lake", "lake and mountains", "a lake"],
        "de": ["ein Bergsee", "Bergsee", "ein See in den Bergen", "Alpensee", "See und Berge", "ein See"],
        "fr": ["un lac de montagne", "lac de montagne", "un lac dans les montagnes", "lac alpin", "lac et montagnes", "un lac"],
        "it": ["un lago di montagna", "lago di montagna", "un lago tra le montagne", "lago alpino", "lago e montagne", "un lago"],
    },
    "mountains": {
        "en": ["mountains", "snowy mountains", "a mountain landscape", "the Alps", "a mountain", "mountain peaks"],
        "de": ["Berge", "verschneite Berge", "eine Berglandschaft", "die Alpen", "ein Berg", "Gipfel", "Gebirge"],
        "fr": ["montagnes", "des montagnes enneigées", "un paysage de montagne", "les Alpes", "une montagne", "sommets"],
        "it": ["montagne", "montagne innevate", "un paesaggio di montagna", "le Alpi", "una montagna", "cime"],
    },
    "sea": {
        "en": ["the sea", "sea", "an empty sea", "ocean waves", "a seascape", "waves on the sea"],
        "de": ["das Meer", "Meer", "leeres Meer", "Wellen", "Seestück", "Wellen auf dem Meer"],
        "fr": ["la mer", "mer", "une mer vide", "vagues", "une marine", "vagues sur la mer"],
        "it": ["il mare", "mare", "un mare vuoto", "onde", "una marina", "onde del mare"],
    },
    "sailing ship": {
        "en": ["a ship at sea", "a sailing ship", "sailing ships", "a sailing ship on the sea", "ships", "a boat on the sea", "sailboats at sea", "a ship"],
        "de": ["ein Schiff auf dem Meer", "ein Segelschiff", "Segelschiffe", "Segelschiff auf dem Meer", "Schiffe", "ein Boot auf dem Meer", "ein Schiff"],
        "fr": ["un bateau sur la mer", "un voilier", "voiliers", "un voilier en mer", "navires", "bateau sur la mer", "un navire en mer", "un bateau"],
        "it": ["una nave in mare", "un veliero", "velieri", "veliero sul mare", "navi", "una barca sul mare", "una nave"],
    },
    "steamship": {
        "en": ["a steamship", "a steamer at sea", "a ship with smoking funnels", "steamships", "a ship at sea", "a ship"],
        "de": ["ein Dampfschiff", "ein Dampfer auf dem Meer", "ein Schiff mit rauchenden Schornsteinen", "Dampfschiffe", "ein Schiff auf dem Meer", "ein Schiff"],
        "fr": ["un bateau à vapeur", "un vapeur en mer", "un navire aux cheminées fumantes", "bateaux à vapeur", "un navire en mer", "un bateau sur la mer"],
        "it": ["un piroscafo", "un piroscafo in mare", "una nave con fumaioli fumanti", "piroscafi", "una nave in mare", "una nave"],
    },
    "city": {
        "en": ["a city", "city", "a city skyline", "buildings", "tall buildings", "a town", "houses of a city"],
        "de": ["eine Stadt", "Stadt", "Stadtsilhouette", "Gebäude", "hohe Häuser", "Stadtansicht", "Häuser einer Stadt"],
        "fr": ["une ville", "ville", "silhouette de ville", "bâtiments", "de hauts immeubles", "vue de ville", "maisons d'une ville"],
        "it": ["una città", "città", "profilo di città", "edifici", "palazzi alti", "veduta di città", "case di una città"],
    },
    "portrait": {
        "en": ["a portrait", "portrait", "a framed portrait", "portrait of a person", "a face", "a portrait in a frame"],
        "de": ["ein Porträt", "Porträt", "ein gerahmtes Porträt", "Bildnis einer Person", "ein Gesicht", "Bildnis im Rahmen"],
        "fr": ["un portrait", "portrait", "un portrait encadré", "portrait d'une personne", "un visage", "portrait dans un cadre"],
        "it": ["un ritratto", "ritratto", "un ritratto incorniciato", "ritratto di una persona", "un volto", "ritratto in cornice"],
    },
    "map": {
        "en": ["a map", "an old map", "map with coasts", "a historical map", "a map with a compass rose"],
        "de": ["eine Karte", "eine alte Landkarte", "Landkarte", "historische Karte", "Karte mit Küsten"],
        "fr": ["une carte", "une carte ancienne", "carte géographique", "carte historique", "carte avec des côtes"],
        "it": ["una mappa", "una carta antica", "carta geografica", "mappa storica", "carta con coste"],
    },
    "manuscript": {
        "en": ["a manuscript page", "a manuscript", "handwriting", "an old handwritten page", "a page of text"],
        "de": ["eine Handschrift", "eine Manuskriptseite", "Manuskript", "alte handgeschriebene Seite", "eine Textseite"],
        "fr": ["un manuscrit", "une page de manuscrit", "écriture à la main", "une vieille page manuscrite", "une page de texte"],
        "it": ["un manoscritto", "una pagina di manoscritto", "scrittura a mano", "vecchia pagina manoscritta", "una pagina di testo"],
    },
    "coin": {
        "en": ["a coin", "an old coin", "coin with a head", "a medal", "an ancient coin"],
        "de": ["eine Münze", "alte Münze", "Münze mit Kopf", "Medaille", "antike Münze"],
        "fr": ["une pièce de monnaie", "une monnaie ancienne", "monnaie avec une tête", "une médaille", "pièce antique"],
        "it": ["una moneta", "moneta antica", "moneta con testa", "una medaglia", "vecchia moneta"],
    },
    "church": {
        "en": ["a church", "church", "a village church", "a church with a tower"],
        "de": ["eine Kirche", "Kirche", "eine Dorfkirche", "Kirche mit Turm"],
        "fr": ["une église", "église", "une église de village", "église avec clocher"],
        "it": ["una chiesa", "chiesa", "una chiesa di paese", "chiesa con campanile"],
    },
    "castle": {
        "en": ["a castle", "castle", "a castle on a hill", "a fortress with towers"],
        "de": ["eine Burg", "Burg", "ein Schloss auf einem Hügel", "Festung mit Türmen"],
        "fr": ["un château", "château fort", "un château sur une colline", "forteresse avec des tours"],
        "it": ["un castello", "castello", "un castello su una collina", "fortezza con torri"],
    },
    "bridge": {
        "en": ["a bridge", "a stone bridge", "a bridge over a river", "a river with a bridge"],
        "de": ["eine Brücke", "eine Steinbrücke", "Brücke über einen Fluss", "Fluss mit Brücke"],
        "fr": ["un pont", "un pont de pierre", "un pont sur une rivière", "rivière avec un pont"],
        "it": ["un ponte", "un ponte di pietra", "un ponte su un fiume", "fiume con ponte"],
    },
    "forest": {
        "en": ["a forest", "forest", "woods", "trees in a forest", "many trees"],
        "de": ["ein Wald", "Wald", "Bäume im Wald", "viele Bäume"],
        "fr": ["une forêt", "forêt", "des arbres dans la forêt", "un bois", "beaucoup d'arbres"],
        "it": ["una foresta", "foresta", "alberi nel bosco", "un bosco", "molti alberi"],
    },
    "sunset": {
        "en": ["a sunset", "sunset", "the setting sun", "evening sun"],
        "de": ["ein Sonnenuntergang", "Sonnenuntergang", "die untergehende Sonne", "Abendsonne"],
        "fr": ["un coucher de soleil", "coucher de soleil", "le soleil couchant", "soleil du soir"],
        "it": ["un tramonto", "tramonto", "il sole al tramonto", "sole della sera"],
    },
    "night sky": {
        "en": ["the night sky", "a starry night", "moon and stars", "stars at night"],
        "de": ["der Nachthimmel", "eine Sternennacht", "Mond und Sterne", "Sterne in der Nacht"],
        "fr": ["le ciel nocturne", "une nuit étoilée", "lune et étoiles", "étoiles dans la nuit"],
        "it": ["il cielo notturno", "una notte stellata", "luna e stelle", "stelle nella notte"],
    },
    "waterfall": {
        "en": ["a waterfall", "waterfall", "water falling over rocks"],
        "de": ["ein Wasserfall", "Wasserfall", "Wasser stürzt über Felsen"],
        "fr": ["une cascade", "cascade", "chute d'eau sur les rochers"],
        "it": ["una cascata", "cascata", "acqua che cade sulle rocce"],
    },
    "desert": {
        "en": ["a desert", "desert", "sand dunes", "dunes in the desert"],
        "de": ["eine Wüste", "Wüste", "Sanddünen", "Dünen in der Wüste"],
        "fr": ["un désert", "désert", "dunes de sable", "dunes dans le désert"],
        "it": ["un deserto", "deserto", "dune di sabbia", "dune nel deserto"],
    },
    "flower vase": {
        "en": ["a vase of flowers", "flowers in a vase", "a still life with flowers", "flowers"],
        "de": ["eine Blumenvase", "Blumen in einer Vase", "Stillleben mit Blumen", "Blumen"],
        "fr": ["un vase de fleurs", "fleurs dans un vase", "nature morte aux fleurs", "des fleurs"],
        "it": ["un vaso di fiori", "fiori in un vaso", "natura morta con fiori", "fiori"],
    },
}
PEOPLE = {
    "en": ["a group of people", "people", "several people", "a group of persons"],
    "de": ["eine Gruppe von Menschen", "Menschen", "mehrere Personen", "Personengruppe"],
    "fr": ["un groupe de personnes", "des gens", "plusieurs personnes", "groupe de gens"],
    "it": ["un gruppo di persone", "persone", "diverse persone", "gruppo di gente"],
}
# "{}" is what there is to see.
TECHNIQUES = {
    "picture": {
        "en": ["a picture of {}", "an image of {}", "{}", "this is {}"],
        "de": ["ein Bild mit {}", "Bild: {}", "{}", "das ist {}"],
        "fr": ["une image avec {}", "image : {}", "{}", "voici {}"],
        "it": ["un'immagine con {}", "immagine: {}", "{}", "ecco {}"],
    },
    "oil painting": {
        "en": ["a painting of {}", "an oil painting of {}", "{}, oil painting", "oil painting"],
        "de": ["ein Gemälde mit {}", "Ölgemälde: {}", "{}, Ölmalerei", "Ölgemälde"],
        "fr": ["une peinture avec {}", "peinture à l'huile : {}", "un tableau : {}", "peinture à l'huile"],
        "it": ["un dipinto con {}", "olio su tela: {}", "{}, pittura a olio", "dipinto a olio"],
    },
    "watercolour": {
        "en": ["a watercolour of {}", "{}, watercolor", "a painting of {}", "watercolour"],
        "de": ["ein Aquarell mit {}", "Aquarell: {}", "ein Gemälde mit {}", "Aquarell"],
        "fr": ["une aquarelle avec {}", "aquarelle : {}", "une peinture avec {}", "aquarelle"],
        "it": ["un acquerello con {}", "acquerello: {}", "un dipinto con {}", "acquerello"],
    },
    "drawing": {
        "en": ["a drawing of {}", "a pencil drawing of {}", "a sketch of {}", "drawing"],
        "de": ["eine Zeichnung mit {}", "Bleistiftzeichnung: {}", "Skizze: {}", "Zeichnung"],
        "fr": ["un dessin avec {}", "dessin au crayon : {}", "un croquis : {}", "dessin"],
        "it": ["un disegno con {}", "disegno a matita: {}", "uno schizzo: {}", "disegno"],
    },
    "engraving": {
        "en": ["an engraving of {}", "{}, engraving", "a print of {}", "engraving"],
        "de": ["ein Kupferstich mit {}", "Stich: {}", "{}, Druckgrafik", "Kupferstich"],
        "fr": ["une gravure avec {}", "gravure : {}", "une estampe : {}", "gravure"],
        "it": ["un'incisione con {}", "incisione: {}", "una stampa: {}", "incisione"],
    },
    "photograph": {
        "en": ["a photo of {}", "a photograph of {}", "{}, colour photograph", "a photo of {}"],
        "de": ["ein Foto mit {}", "Fotografie: {}", "{}, Farbfoto", "Foto: {}"],
        "fr": ["une photo avec {}", "photographie : {}", "{}, photo en couleurs", "photo : {}"],
        "it": ["una foto con {}", "fotografia: {}", "{}, foto a colori", "foto: {}"],
    },
    "black-and-white photograph": {
        "en": ["a black-and-white photograph of {}", "a black and white photo of {}", "a photo of {}", "black-and-white photograph"],
        "de": ["eine Schwarzweißfotografie mit {}", "Schwarzweißfoto: {}", "ein Foto mit {}", "Schwarzweißfotografie"],
        "fr": ["une photographie en noir et blanc avec {}", "photo noir et blanc : {}", "une photo avec {}", "photographie en noir et blanc"],
        "it": ["una fotografia in bianco e nero con {}", "foto in bianco e nero: {}", "una foto con {}", "fotografia in bianco e nero"],
    },
    "sepia print": {
        "en": ["a sepia print of {}", "an old photo of {}", "a sepia photograph of {}", "sepia print"],
        "de": ["ein Sepiaabzug mit {}", "altes Foto: {}", "Fotografie in Sepia: {}", "Sepiaabzug"],
        "fr": ["un tirage sépia avec {}", "vieille photo : {}", "photographie sépia : {}", "tirage sépia"],
        "it": ["una stampa seppia con {}", "vecchia foto: {}", "fotografia seppia: {}", "stampa seppia"],
    },
}
AND = {"en": [" and ", " beside ", " with "], "de": [" und ", " neben ", " mit "], "fr": [" et ", " à côté de ", " avec "], "it": [" e ", " accanto a ", " con "]}
NUMBERS = {
    "en": {2: "two", 3: "three", 4: "four"},
    "de": {2: "zwei", 3: "drei", 4: "vier"},
    "fr": {2: "deux", 3: "trois", 4: "quatre"},
    "it": {2: "due", 3: "tre", 4: "quattro"},
}
FRAMED = {"en": ", in a frame", "de": ", gerahmt", "fr": ", dans un cadre", "it": ", in cornice"}


def plural(word: str, language: str) -> str:
    """By rule; German, which has none, writes "3 × Katze"."""
    if language == "en":
        if word.endswith(("s", "x", "ch", "sh")):
            return word + "es"
        return word[:-1] + "ies" if re.search("[^aeiou]y$", word) else word + "s"
    if language == "fr":
        first, _, rest = word.partition(" ")
        if first.endswith("eau"):
            first += "x"
        elif first.endswith("al"):
            first = first[:-2] + "aux"
        elif not first.endswith(("s", "x", "z")):
            first += "s"
        return f"{first} {rest}".strip()
    if language == "it":
        first, _, rest = word.partition(" ")
        for end, many in [("ca", "che"), ("ga", "ghe"), ("io", "i"), ("co", "chi"), ("go", "ghi"), ("o", "i"), ("e", "i"), ("a", "e")]:
            if first.endswith(end):
                first = first[: -len(end)] + many
                break
        return f"{first} {rest}".strip()
    return word


def call(rng: Rng, concept: Concept, language: str, loosely: float) -> str:
    """What `concept` is called: its name or, with probability `loosely`, one of its keywords."""
    words = concept.keywords[language]
    if words and rng.random() < loosely:
        uses = keyword_uses(language)
        weights = np.array([1 / uses[word] ** 1.5 for word in words])
        return str(words[rng.choice(len(words), p=weights / weights.sum())])
    return concept.names[language]


def thing(rng: Rng, index: int, count: int, language: str, loosely: float) -> str:
    name = call(rng, concepts()[index], language, loosely)
    if count == 1:
        article = "an " if name[:1].lower() in "aeiou" else "a "
        return article + name if language == "en" and rng.random() < 0.7 else name
    if language == "de":
        return f"{count} × {name}" if rng.random() < 0.5 else f"{NUMBERS['de'][count]} {name}"
    return f"{NUMBERS[language][count]} {plural(name, language)}"


def caption(rng: Rng, scene: Scene, language: str, *, whole: bool = False) -> str:
    """One way of telling `scene`. `whole` names everything that is on it by its name, as a title does."""
    loosely = 0.0 if whole else 0.3
    parts = []
    if scene.is_people:
        parts = [str(rng.choice(PEOPLE[language]))]
        if whole or rng.random() < 0.4:
            parts += [thing(rng, i, n, language, loosely) for i, n in scene.objects]
    else:
        parts = [thing(rng, i, n, language, loosely) for i, n in scene.objects]
        if scene.view:
            view = str(rng.choice(VIEWS[scene.view][language]))
            parts.insert(0 if rng.random() < 0.5 else len(parts), view)
        elif not whole and len(parts) > 1 and rng.random() < 0.3:
            # People name the main thing only.
            parts = [parts[rng.integers(len(parts))]]
        if not scene.view:
            rng.shuffle(parts)
    if not whole and rng.random() < 0.3:
        return ", ".join(parts)
    head, last = ", ".join(parts[:-1]), parts[-1]
    seen = head + str(rng.choice(AND[language])) + last if head else last
    templates = TECHNIQUES[scene.technique][language]
    template = str(rng.choice([t for t in templates if "{}" in t] if whole or rng.random() < 0.9 else templates))
    text = template.format(seen)
    if scene.is_framed and (whole or rng.random() < 0.4):
        text += FRAMED[language]
    return text
