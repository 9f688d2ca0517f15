"""Checks IIIF documents, one a line on standard input, and prints what is wrong with them.

iiif-prezi3 checks the shape of Presentation 3. What it is lax about, and what viewers need, is checked here.
"""

import json
import re
import sys

from iiif_prezi3 import AnnotationPage, Canvas, Collection, Manifest

MODELS = {"Manifest": Manifest, "Collection": Collection, "Canvas": Canvas, "AnnotationPage": AnnotationPage}
LICENCE = re.compile(
    r"http://(creativecommons\.org/(licenses|publicdomain)/[a-z-]+/\d\.\d/([a-z]{2}/)?"
    r"|rightsstatements\.org/vocab/[A-Za-z-]+/1\.0/)"
)
TARGET = re.compile(r"(.+/iiif/canvas/[0-9a-f]{40})#xywh=0,0,([1-9]\d*),([1-9]\d*)")


def check(document):
    if document.get("@type") == "sc:AnnotationList":
        yield from check_list(document)
        return
    yield from check_model(document)
    yield from check_ids(document)
    kind = document["type"]
    if kind == "Manifest":
        yield from check_manifest(document)
    elif kind == "Canvas":
        yield from check_canvas(document)
    elif kind == "Collection":
        for item in document["items"]:
            yield from check_languages(item["label"])
    else:
        yield from check_page(document)


def check_model(document):
    try:
        parsed = MODELS[document["type"]](**document)
    except Exception as error:
        yield f"iiif-prezi3: {error}"
        return
    # Nothing of it is lost on the way, so that every property is one that the model knows: those of Presentation 3.
    again = json.loads(parsed.jsonld())
    for name in document.keys() - {"@context", "ignored", "startIndex"}:
        if not is_within(document[name], again.get(name)):
            yield f"iiif-prezi3 makes {again.get(name)!r} of {name}"


def is_within(part, whole):
    """Whether `whole` has all of `part`: iiif-prezi3 gives collections of annotations empty lists of items."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(is_within(part[name], whole.get(name)) for name in part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) == len(whole) and all(map(is_within, part, whole))
    return part == whole


def check_ids(document):
    """Every id is an absolute URL; those of canvases, pages and annotations are there once."""
    seen = set()

    def walk(node):
        if isinstance(node, list):
            for child in node:
                yield from walk(child)
        elif isinstance(node, dict):
            for name in ("id", "@id"):
                if name in node and not re.match(r"https?://[^/\s]+/\S*$", node[name]):
                    yield f"the {name} {node[name]!r} is no absolute URL"
            if node.get("type") in ("Canvas", "Annotation") or (node.get("type") == "AnnotationPage" and "items" in node):
                if node["id"] in seen:
                    yield f"{node['id']} is there twice"
                seen.add(node["id"])
            for child in node.values():
                yield from walk(child)

    yield from walk(document)


def check_manifest(manifest):
    yield from check_languages(manifest["label"])
    if not manifest["items"]:
        yield "a manifest has one canvas at least"
    for canvas in manifest["items"]:
        yield from check_canvas(canvas)
    second, first = manifest["service"]
    if (second["type"], first["@type"]) != ("SearchService2", "SearchService1"):
        yield "SearchService2 stands first"
    if first["profile"] != "http://iiif.io/api/search/1/search":
        yield "Mirador and Universal Viewer know the service by its profile"
    if "?" in second["id"] + first["@id"]:
        yield "viewers put ?q= after the id of a search service"


def check_canvas(canvas):
    yield from check_languages(canvas["label"])
    for side in ("width", "height"):
        if not isinstance(canvas.get(side), int) or canvas[side] < 1:
            yield f"a canvas has a {side}"
    [page] = canvas["items"]
    [painting] = page["items"]
    if painting["target"] != canvas["id"] or painting["motivation"] != "painting":
        yield "the painting is on its canvas"
    yield from check_picture(painting["body"], canvas)
    for thumbnail in canvas.get("thumbnail", []):
        yield from check_picture(thumbnail, canvas)
    for pair in canvas.get("metadata", []) + [canvas[k] for k in ("requiredStatement",) if k in canvas]:
        yield from check_languages(pair["label"])
        yield from check_languages(pair["value"], markup=True)
    if "summary" in canvas:
        yield from check_languages(canvas["summary"], markup=True)
    if "rights" in canvas and not LICENCE.fullmatch(canvas["rights"]):
        yield f"{canvas['rights']!r} may not stand in rights"


def check_picture(picture, canvas):
    width, height = picture["width"], picture["height"]
    if width > canvas["width"] or height > canvas["height"]:
        yield "a picture is no larger than its canvas"
    if abs(width * canvas["height"] / canvas["width"] - height) > 1:
        yield "a picture has the shape of its canvas"
    wanted = re.search(r"/full/(\d+),/0/", picture["id"])
    if wanted and int(wanted[1]) != width:
        yield f"{picture['id']} is not {width} wide"
    for service in picture.get("service", []):
        kind = service.get("type") or service.get("@type")
        names = {"ImageService3": ("id",), "ImageService2": ("@id",), "ImageService1": ("@id",)}[kind]
        if any(name not in service for name in (*names, "profile")):
            yield f"{kind} has {names} and profile"
        if not picture["id"].startswith(service[names[0]] + "/"):
            yield "the service is that of the picture"


def check_languages(texts, markup=False):
    if not texts:
        yield "a text has one language at least"
    for language, values in texts.items():
        if not re.fullmatch(r"none|[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8})*", language):
            yield f"{language!r} is no language"
        for value in values:
            if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", value):
                yield f"{value!r} has control characters"
            # Presentation 3, section 4.5: only such a value is HTML, and then only harmless elements are in it.
            if markup and value.startswith("<") and value.endswith(">") and not re.fullmatch(r"<span>[^<>]*</span>", value):
                yield f"{value!r} is taken for HTML"


def check_page(page):
    """Content Search 2.0"""
    # Clover fails where this is no list.
    [collection] = page["partOf"]
    if collection["type"] != "AnnotationCollection":
        yield "a page is part of an AnnotationCollection"
    yield from check_extent(page, len(page["items"]), collection["total"])
    for annotation in page["items"]:
        if not TARGET.fullmatch(annotation["target"]):
            yield f"{annotation['target']!r} is no region of a canvas"
        if annotation["body"]["type"] != "TextualBody" or not annotation["body"]["value"]:
            yield "an annotation has a text"


def check_list(page):
    """Content Search 1.0, as Mirador and Universal Viewer read it"""
    layer = page["within"]
    if layer["@type"] != "sc:Layer":
        yield "a list is within a layer"
    yield from check_extent(page, len(page["resources"]), layer["total"])
    ids = []
    for resource in page["resources"]:
        ids.append(resource["@id"])
        if not isinstance(resource["on"], str) or not TARGET.fullmatch(resource["on"]):
            yield f"Universal Viewer fails at {resource['on']!r}"
        if resource["@type"] != "oa:Annotation" or not resource["resource"]["chars"]:
            yield "an annotation has a text"
    if len(set(ids)) != len(ids):
        yield "an annotation is there twice"
    if [hit["annotations"] for hit in page["hits"]] != [[name] for name in ids]:
        yield "each hit names its annotation"


def check_extent(page, n_items, total):
    start = page["startIndex"]
    if n_items > 50 or total > 500:
        yield "pages are bounded"
    if ("next" in page) != (start + n_items < total and n_items > 0):
        yield f"next and {start} + {n_items} of {total}"


for line in sys.stdin:
    document = json.loads(line)
    for problem in check(document):
        print(f"{document.get('id') or document.get('@id')}: {problem}")
