"""pyoxigraph as the other triple store: answers the query in a file over the RDF in another.

    pyoxigraph_service.py METADATA QUERY

Prints the rows as SPARQL results in JSON.
"""

import pathlib
import sys

import pyoxigraph

store = pyoxigraph.Store()
store.load(path=sys.argv[1])
query = pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")
results = store.query(query).serialize(format=pyoxigraph.QueryResultsFormat.JSON)
sys.stdout.buffer.write(results)
