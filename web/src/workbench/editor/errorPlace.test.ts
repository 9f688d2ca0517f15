import { describe, expect, it } from "vitest";
import { errorPlace } from "./errorPlace";

const marked = (sentence: string, query: string) => {
  const place = errorPlace(sentence, query);
  return place && query.slice(place.from, place.to);
};

describe("errorPlace", () => {
  it.each([
    [
      "the query is not SPARQL near line 1, column 24, at “} LIMIT”",
      "SELECT ?x WHERE { ?x a } LIMIT",
      "}",
    ],
    ["the query is not SPARQL near line 2, column 6, at its end", "SELECT *\n{ ?x ", "x"],
    ["the query is not SPARQL near line 2, column 3, at “WERE {}”", "SELECT *\n  WERE {}", "WERE"],
    [
      "the query is not SPARQL at line 2, column 3: WERE is no word of SPARQL; did you mean WHERE?",
      "SELECT *\n  WERE {}",
      "WERE",
    ],
    [
      "the query is not SPARQL at line 1, column 15: the prefix dct: of dct:title is not declared",
      "SELECT * { ?s dct:title ?o }",
      "dct:title",
    ],
    ["the query is not SPARQL near line 1, column 3, at “?b”", "💧 ?bc", "?bc"],
    [
      "the query is not SPARQL near line 1, column 9, at the end of the line",
      "SELECT *\n  WERE {}",
      "WERE",
    ],
    [
      "the query is not SPARQL near line 1, column 20, at “}” (Prefix not found)",
      "SELECT * { ?s dct:title ?o }",
      "dct:title",
    ],
    [
      'clip:minScore of the clip:Request ?r must be a number, found "high"',
      '# clip:minScore\nSELECT * { ?r a clip:Request ; clip:minScore "high" }',
      "clip:minScore",
    ],
    [
      "clip:scor on the clip:Request ?r is unknown; did you mean clip:score?",
      "{ ?r clip:score ?s ; clip:scor ?t }",
      "clip:scor",
    ],
    ["the query took longer than 60 s", "SELECT *", null],
    ["the query is not SPARQL near line 1, column 1, at its end", "", null],
  ])("%s", (sentence, query, expected) => {
    expect(marked(sentence, query)).toBe(expected);
  });

  it("survives places that do not exist", () => {
    expect(marked("near line 99, column 99", "ASK {}")).toBe("}");
  });
});
