"""Other triple stores and clients that ask this service.

    engines.py ENGINE METADATA QUERY...
    engines.py sparqlwrapper ENDPOINT QUERY WAY...

ENGINE is pyoxigraph or rdflib, which answer the queries in the files QUERY over the RDF in METADATA. A WAY is
one in which SPARQLWrapper sends its query: get-json, post-xml, body-json. Prints a line for each answer:
SPARQL results in JSON, or an object with an error.
"""

import json
import pathlib
import sys


def document_as_json(document):
    """SPARQL results in XML: names and texts are all that matters here."""
    variables = [node.getAttribute("name") for node in document.getElementsByTagName("variable")]
    rows = []
    for result in document.getElementsByTagName("result"):
        row = {}
        for binding in result.getElementsByTagName("binding"):
            text = "".join(node.data for node in binding.firstChild.childNodes)
            row[binding.getAttribute("name")] = {"type": "literal", "value": text}
        rows.append(row)
    return {"head": {"vars": variables}, "results": {"bindings": rows}}


def pyoxigraph_engine(metadata):
    import pyoxigraph

    store = pyoxigraph.Store()
    store.load(path=metadata)
    return lambda query: json.loads(store.query(query).serialize(format=pyoxigraph.QueryResultsFormat.JSON))


def rdflib_engine(metadata):
    import rdflib

    graph = rdflib.Graph()
    graph.parse(metadata)
    return lambda query: json.loads(graph.query(query).serialize(format="json"))


def sparqlwrapper_client(endpoint, query):
    import SPARQLWrapper as sparql

    def send(way):
        way, form = way.split("-")
        wrapper = sparql.SPARQLWrapper(endpoint)
        wrapper.setQuery(query)
        wrapper.setMethod(sparql.GET if way == "get" else sparql.POST)
        if way == "body":
            wrapper.setRequestMethod(sparql.POSTDIRECTLY)
        wrapper.setReturnFormat(sparql.JSON if form == "json" else sparql.XML)
        answer = wrapper.queryAndConvert()
        return answer if form == "json" else document_as_json(answer)

    return send


def text(file):
    return pathlib.Path(file).read_text(encoding="utf-8")


engine, source, *rest = sys.argv[1:]
if engine == "sparqlwrapper":
    answer, questions = sparqlwrapper_client(source, text(rest[0])), rest[1:]
else:
    answer = {"pyoxigraph": pyoxigraph_engine, "rdflib": rdflib_engine}[engine](source)
    questions = [text(file) for file in rest]
for question in questions:
    try:
        line = answer(question)
    except Exception as error:
        # rdflib's own text leaves out what the service answered.
        body = error.read().decode() if hasattr(error, "read") else ""
        line = {"error": f"{error} {body}"}
    print(json.dumps(line))
