import { describe, expect, it } from "vitest";
import { type Knowledge, proposalsAt } from "./completion";

const KNOWLEDGE: Knowledge = {
  vocabulary: [
    { term: "clip:Request", comment: "A search for images." },
    { term: "https://service.swissartresearch.net/clip/queryString", comment: "Input. In words." },
  ],
  store: {
    classes: [{ iri: "http://www.cidoc-crm.org/cidoc-crm/E22_Human-Made_Object", n: 60 }],
    predicates: [
      { iri: "http://purl.org/dc/terms/title", n: 40 },
      { iri: "http://nowhere/known", n: 2 },
    ],
  },
  prefixes: { my: "http://my/" },
};

/** Proposals at `|`. */
function at(marked: string) {
  const offset = marked.indexOf("|");
  return proposalsAt(marked.replace("|", ""), offset, KNOWLEDGE);
}

const labels = (marked: string) => at(marked)?.proposals.map(({ label }) => label) ?? [];

describe("proposalsAt", () => {
  it("proposes variables after ? and $", () => {
    expect(at("SELECT ?score { ?image ?p ?sc|")).toMatchObject({
      from: 26,
      proposals: [{ label: "?score" }, { label: "?image" }, { label: "?p" }],
    });
    expect(labels("SELECT ?x { $|")).toEqual(["$x"]);
  });

  it("proposes terms of the vocabulary with their comments", () => {
    const found = at("{ ?r clip:q|")?.proposals.find(({ label }) => label === "clip:queryString");
    expect(found).toMatchObject({ kind: "term", comment: "Input. In words." });
    expect(found?.prefix).toBeUndefined();
  });

  it("proposes terms of the store with their counts, and the PREFIX line that they need", () => {
    const proposals = at("SELECT * { ?s dct:t|")?.proposals;
    expect(proposals?.find(({ label }) => label === "dct:title")).toMatchObject({
      n: 40,
      prefix: { at: 0, text: "PREFIX dct: <http://purl.org/dc/terms/>\n" },
    });
    expect(proposals?.map(({ label }) => label)).toContain("<http://nowhere/known>");
  });

  it("follows the prefixes that the query declares", () => {
    const declared = "PREFIX d: <http://purl.org/dc/terms/>\nSELECT * { ?s d:|";
    const found = at(declared)?.proposals.find(({ n }) => n === 40);
    expect(found?.label).toBe("d:title");
  });

  it("puts classes first after a, and predicates elsewhere", () => {
    const best = (marked: string) =>
      at(marked)?.proposals.reduce((a, b) => (b.boost > a.boost ? b : a)).label;
    expect(best("{ ?r a |")).toBe("clip:Request");
    expect(best("{ ?r |")).toBe("clip:queryString");
  });

  it("proposes words and prefixes where no prefix is written yet", () => {
    expect(labels("SEL|")).toEqual(expect.arrayContaining(["SELECT", "STRLEN", "crm:", "my:"]));
    expect(labels("{ ?s dct:|")).not.toContain("SELECT");
  });

  it.each(['"text |', "# comment |", "<http://iri|"])("proposes nothing in %s", (marked) => {
    expect(at(marked)).toBeNull();
  });
});
