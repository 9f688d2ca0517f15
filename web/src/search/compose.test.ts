import { describe, expect, it } from "vitest";
import { bestQuery, countQuery, facetQuery, hitsQuery, minScore } from "./compose";
import { NOTHING, type Question } from "./question";

const MAKER = {
  name: "maker",
  pattern: "?work dct:creator ?value ; dct:hasFormat ?image .\n?value rdfs:label ?label .",
};
const PERIOD = { name: "period", pattern: "?work dct:hasFormat ?image ; ex:year ?value ." };
const CONTEXT = {
  facets: [MAKER, PERIOD],
  prefixes: {
    dct: "http://purl.org/dc/terms/",
    rdfs: "http://www.w3.org/2000/01/rdf-schema#",
    ex: "http://ex.example/",
  },
  defaultMinScore: 0.2,
};
const A = "http://img.example/a";
const B = "http://img.example/b";
const RIVA = { type: "uri", value: "http://ex.example/riva" } as const;

function asked(change: Partial<Question>): Question {
  return { ...NOTHING, text: "a lake", ...change };
}

describe("hitsQuery", () => {
  it("is what the page shows", () => {
    expect(hitsQuery(asked({ minScore: 0.3 }), CONTEXT)).toBe(
      `PREFIX clip: <https://service.swissartresearch.net/clip/>

SELECT ?image ?score WHERE {
  ?request a clip:Request ;
           clip:queryString "a lake" ;
           clip:minScore 0.3 ;
           clip:score ?score ;
           clip:iiifUrl ?image .
}
ORDER BY DESC(?score)
LIMIT 40`,
    );
  });

  it("goes on from an offset", () => {
    expect(hitsQuery(asked({}), CONTEXT, 80)).toMatch(/LIMIT 40\nOFFSET 80$/);
  });

  it("combines all inputs", () => {
    const query = hitsQuery(
      asked({
        not: " a ship ",
        picture: { url: "https://p.example/x.jpg?a=1&b=2" },
        region: { image: A, x: 10, y: 20, width: 3000, height: 300 },
        like: [B],
      }),
      CONTEXT,
    );
    expect(query).toContain("clip:queryURL <https://p.example/x.jpg?a=1&b=2> ;");
    expect(query).toContain(`clip:queryURL <${A}/10,20,3000,300/512,/0/default.jpg> ;`);
    expect(query).toContain(`clip:similarTo <${B}> ;`);
    expect(query).toContain('clip:excludeString "a ship" ;');
    expect(query).toContain("clip:minScore 0.2 ;");
  });

  it("takes the visitor's file as a literal", () => {
    const query = hitsQuery(
      asked({ text: "", picture: { dataUrl: "data:image/png;base64,AA==", name: "x" } }),
      CONTEXT,
    );
    expect(query).toContain('clip:queryImage "data:image/png;base64,AA==" ;');
    expect(query).not.toContain("queryString");
  });

  it("looks for what several pictures have in common", () => {
    const query = hitsQuery(asked({ text: "", like: [A, B] }), CONTEXT);
    expect(query).toContain(`SELECT (clip:centroid(?gathered) AS ?centre) WHERE {
      VALUES ?gathered {
        <${A}>
        <${B}>
      }
    }`);
    expect(query).toContain("clip:similarTo ?centre ;");
  });

  it("cannot be left by what is asked", () => {
    const query = hitsQuery(asked({ text: 'x" } #\n\\' }), CONTEXT);
    expect(query).toContain('clip:queryString "x\\" } #\\n\\\\" ;');
    expect(() => hitsQuery(asked({ like: ["http://x.example/> }"] }), CONTEXT)).toThrow(RangeError);
    expect(() => hitsQuery(asked({ picture: { url: "http://x.example/a b" } }), CONTEXT)).toThrow(
      RangeError,
    );
  });

  it("restricts by chosen values and years, each hit once", () => {
    const query = hitsQuery(
      asked({
        chosen: { maker: [RIVA, { type: "literal", value: "X", "xml:lang": "de" }] },
        years: { from: -50, to: 1850 },
      }),
      CONTEXT,
    );
    expect(query).toContain("SELECT DISTINCT ?image ?score");
    expect(query).toContain(`  ?maker_work dct:creator ?maker ; dct:hasFormat ?image .
  ?maker rdfs:label ?makerLabel .
  VALUES ?maker { <http://ex.example/riva> "X"@de }
  ?period_work dct:hasFormat ?image ; ex:year ?period .
  FILTER(?period >= -50 && ?period <= 1850)
}`);
    expect(query).toContain("PREFIX ex: <http://ex.example/>");
  });

  it("declares only prefixes that it uses", () => {
    expect(hitsQuery(asked({ years: { from: 1, to: 2 } }), CONTEXT)).not.toContain("PREFIX rdfs:");
  });

  it("ignores choices of facets that are not there", () => {
    expect(hitsQuery(asked({ chosen: { gone: [RIVA] } }), CONTEXT)).not.toContain("DISTINCT");
  });
});

describe("the score", () => {
  it.each([
    [null, 0.2],
    [0, 0],
    [-1, -1],
    [0.30000000000000004, 0.3],
  ])("%s is written as %s", (given, expected) => {
    expect(hitsQuery(asked({ minScore: given }), CONTEXT)).toContain(`clip:minScore ${expected} ;`);
  });

  it("is the service's own unless chosen", () => {
    expect(minScore(NOTHING, CONTEXT)).toBe(0.2);
    expect(minScore(asked({ minScore: 0 }), CONTEXT)).toBe(0);
  });

  it("does not matter for the best hit", () => {
    expect(bestQuery(asked({ minScore: 0.9 }), CONTEXT)).toMatch(
      /clip:minScore -1 ;[\s\S]*LIMIT 1$/,
    );
  });
});

describe("countQuery", () => {
  it("counts images of a bounded request", () => {
    const query = countQuery(asked({ chosen: { maker: [RIVA] } }), CONTEXT);
    expect(query).toContain("(COUNT(DISTINCT ?image) AS ?count)");
    expect(query).toContain("clip:limit 5000 ;");
    expect(query).toContain("VALUES ?maker");
    expect(query).not.toContain("ORDER BY");
  });
});

describe("facetQuery", () => {
  it("ignores its own choice, not that of others", () => {
    const question = asked({ chosen: { maker: [RIVA] }, years: { from: 1800, to: 1850 } });
    const query = facetQuery(question, CONTEXT, MAKER, "de");
    expect(query).not.toContain("VALUES");
    expect(query).toContain("FILTER(?period >= 1800");
    expect(query).toContain("GROUP BY ?maker\nORDER BY DESC(?count) ?maker\nLIMIT 120");
  });

  it("chooses the label that the visitor reads best", () => {
    expect(facetQuery(asked({}), CONTEXT, MAKER, "fr")).toContain(
      '(MIN(CONCAT(IF(LANGMATCHES(LANG(?makerLabel), "fr"), "1", IF(LANGMATCHES(LANG(?makerLabel), "en"), "2", IF(LANG(?makerLabel) = "", "3", "4"))), STR(?makerLabel))) AS ?named)',
    );
  });

  it("asks for named values", () => {
    expect(facetQuery(asked({}), CONTEXT, MAKER, "fr", [RIVA])).toContain(
      "VALUES ?maker { <http://ex.example/riva> }",
    );
  });

  it("gives all years in their order, whatever years are chosen", () => {
    const query = facetQuery(asked({ years: { from: 1, to: 2 } }), CONTEXT, PERIOD, "fr");
    expect(query).toContain("ORDER BY ?period\nLIMIT 5000");
    expect(query).not.toContain("FILTER");
    expect(query).not.toContain("?named");
  });
});
