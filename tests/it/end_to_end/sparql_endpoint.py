"""Another triple store with a SPARQL endpoint: pyoxigraph behind the standard library's HTTP server.

    sparql_endpoint.py FILE

Prints its URL and serves the RDF in FILE until it is killed.
"""

import http.server
import sys
import urllib.parse

import pyoxigraph

store = pyoxigraph.Store()
store.load(path=sys.argv[1])


class Endpoint(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = urllib.parse.parse_qs(body, strict_parsing=True)
        try:
            status, media_type = 200, "application/sparql-results+json"
            results = store.query(form["query"][0])
            answer = results.serialize(format=pyoxigraph.QueryResultsFormat.JSON)
        except SyntaxError as error:
            status, media_type, answer = 400, "text/plain", str(error).encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
print(f"serving at http://127.0.0.1:{server.server_port}/sparql", flush=True)
server.serve_forever()
