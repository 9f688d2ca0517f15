#!/usr/bin/env python3
"""Asks the service from Python, with nothing but the standard library.

    python3 python_client.py ["A mountain lake" [http://127.0.0.1:5000]]

Expect the three best images for the text with their scores, then the works in the service's own
metadata that look like the first of them, most alike first.
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

text = sys.argv[1] if len(sys.argv) > 1 else "A mountain lake"
service = sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:5000"


def fetch(request):
    """The JSON answer; on an error the service's own sentence, which says what to do."""
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code}: {error.read().decode()}")


def search(**parameters):
    """Images from /query, best first: dicts with score, imageId, url and link."""
    return fetch(f"{service}/query?{urllib.parse.urlencode(parameters)}")


def select(query):
    """Rows from /sparql: dicts from variable to text. Unbound variables are left out."""
    request = urllib.request.Request(
        f"{service}/sparql",
        data=query.encode(),
        headers={
            "Content-Type": "application/sparql-query",
            "Accept": "application/sparql-results+json",
        },
    )
    rows = fetch(request)["results"]["bindings"]
    return [{name: term["value"] for name, term in row.items()} for row in rows]


# minScore -1 lets every image pass: the three best, however good they are.
images = search(str=text, limit=3, minScore=-1)
print(f"like {text!r}:")
for image in images:
    print(f"  {image['score']:.3f}  {image['url']}")

print("like the first of them:")
for row in select(f"""
    PREFIX dct: <http://purl.org/dc/terms/>
    SELECT ?score ?title WHERE {{
      ?request a clip:Request ; clip:similarTo <{images[0]["url"]}> ;
               clip:score ?score ; clip:iiifUrl ?iiif .
      ?work dct:hasFormat ?iiif ; dct:title ?title .
      FILTER(LANG(?title) = "en")
    }} ORDER BY DESC(?score) LIMIT 3
"""):
    print(f"  {float(row['score']):.3f}  {row['title']}")
