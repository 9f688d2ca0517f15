#!/usr/bin/env python3
"""rdflib as the other triple store: it holds the metadata and asks the service by SERVICE.

    pip install rdflib
    python3 rdflib_service.py [QUERY]      QUERY is federated.rq unless given

Expect one line for each row of the query: the works that look like "A mountain lake", best first.
"""

import pathlib
import sys

import rdflib

here = pathlib.Path(__file__).parent
query = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "federated.rq"

store = rdflib.Graph()
store.parse(here / "metadata.ttl")
for row in store.query(query.read_text(encoding="utf-8")):
    print("  ".join(str(term) for term in row))
