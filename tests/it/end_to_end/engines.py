"""Other triple stores and clients that ask this service.

    engines.py ENGINE QUERY METADATA|ENDPOINT

ENGINE is pyoxigraph or rdflib, which answer the query in the file QUERY over the RDF in METADATA, or a way
in which SPARQLWrapper sends it to ENDPOINT: get-json, post-xml, body-json. Prints the rows as SPARQL results
in JSON.
"""

import json
import pathlib
import sys

engine, query, source = sys.argv[1], pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"), sys.argv[3]
if engine == "pyoxigraph":
    import pyoxigraph

    store = pyoxigraph.Store()
    store.load(path=source)
    results = store.query(query).serialize(format=pyoxigraph.QueryResultsFormat.JSON)
    sys.stdout.buffer.write(results)
elif engine == "rdflib":
    import rdflib

    graph = rdflib.Graph()
    graph.parse(source)
    sys.stdout.buffer.write(graph.query(query).serialize(format="json"))
else:
    import SPARQLWrapper as sparql

    way, form = engine.split("-")
    wrapper = sparql.SPARQLWrapper(source)
    wrapper.setQuery(query)
    wrapper.setMethod(sparql.GET if way == "get" else sparql.POST)
    if way == "body":
        wrapper.setRequestMethod(sparql.POSTDIRECTLY)
    wrapper.setReturnFormat(sparql.JSON if form == "json" else sparql.XML)
    answer = wrapper.queryAndConvert()
    if form == "json":
        print(json.dumps(answer))
    else:
        # A document: only names and texts matter here.
        variables = [node.getAttribute("name") for node in answer.getElementsByTagName("variable")]
        rows = []
        for result in answer.getElementsByTagName("result"):
            row = {}
            for binding in result.getElementsByTagName("binding"):
                text = "".join(node.data for node in binding.firstChild.childNodes)
                row[binding.getAttribute("name")] = {"type": "literal", "value": text}
            rows.append(row)
        print(json.dumps({"head": {"vars": variables}, "results": {"bindings": rows}}))
