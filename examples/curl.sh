#!/usr/bin/env bash
# Asks the service by curl, in every way that it can be asked.
#
#   ./curl.sh [SERVICE]      SERVICE is http://127.0.0.1:5000 unless given
#
# Expect a heading for each call, then what the service answers. Calls by URL ("url") need a service
# that was started with CLIP_ALLOW_FETCH=127.0.0.1, because the example pictures are not on a public
# address.
set -euo pipefail
cd "$(dirname "$0")"
service=${1:-http://127.0.0.1:5000}

ask() {
    printf '\n== %s\n' "$1"
    shift
    curl --silent --show-error --fail-with-body "$@"
}

# -- /query: JSON, best first. Without minScore and limit: scores of 0.2 or more, ten hits.
ask 'REST: a text, by GET' "$service/query" \
    --get --data-urlencode 'str=A mountain lake' --data limit=3
ask 'REST: one text minus another, by a form' "$service/query" \
    --data-urlencode 'str=a lake' --data-urlencode 'exclude=dark sky' --data minScore=-1 --data limit=3
ask 'REST: the URL of an image' "$service/query" \
    --get --data-urlencode 'url=http://127.0.0.1:8182/ship-at-sea.jpg/full/max/0/default.jpg' --data limit=3
ask 'REST: an uploaded image' "$service/query" \
    --form image=@pictures/ship-at-sea.jpg --form limit=3
ask 'REST: a base64 image, in JSON' "$service/query" \
    --header 'Content-Type: application/json' --data @- <<JSON
{ "image": "data:image/jpeg;base64,$(base64 <pictures/ship-at-sea.jpg | tr -d '\n')", "limit": 3 }
JSON

# -- /sparql: the four forms of the SPARQL 1.1 Protocol. Without Accept: JSON.
ask 'SPARQL: by GET' "$service/sparql" \
    --get --data-urlencode query@similar-to.rq
ask 'SPARQL: by a form' "$service/sparql" \
    --data-urlencode query@similar-to.rq
ask 'SPARQL: as the body of a POST' "$service/sparql" \
    --header 'Content-Type: application/sparql-query' --data-binary @similar-to.rq
ask 'SPARQL: in the URL of a POST' "$service/sparql" \
    --get --request POST --data-urlencode query@similar-to.rq

# -- /sparql: the format is what Accept asks for.
for format in sparql-results+json sparql-results+xml; do
    ask "SPARQL: SELECT as application/$format" "$service/sparql" \
        --header "Accept: application/$format" --data-urlencode query@similar-to.rq
done
for format in csv tab-separated-values; do
    ask "SPARQL: SELECT as text/$format" "$service/sparql" \
        --header "Accept: text/$format" --data-urlencode query@similar-to.rq
done
for format in text/turtle application/n-triples application/rdf+xml application/ld+json; do
    ask "SPARQL: CONSTRUCT as $format" "$service/sparql" \
        --header "Accept: $format" --data-urlencode query@construct.rq
done

ask 'what this endpoint is' "$service/sparql" --header 'Accept: text/turtle'
ask 'is it up?' "$service/health"
ask 'does it answer queries?' "$service/ready"
printf '\n'
