import { describe, expect, it } from "vitest";
import { facetPattern, usedPrefixes } from "./pattern";

function text(pattern: string, name = "maker"): string {
  return facetPattern({ name, pattern }).text;
}

describe("facetPattern", () => {
  it("renames all variables but ?image", () => {
    const made = facetPattern({
      name: "maker",
      pattern: "?work dct:hasFormat ?image ; dct:creator ?value .\n$value rdfs:label ?label .",
    });
    expect(made.text).toBe(
      "?maker_work dct:hasFormat ?image ; dct:creator ?maker .\n?maker rdfs:label ?makerLabel .",
    );
    expect(made).toMatchObject({ value: "?maker", label: "?makerLabel" });
  });

  it.each([
    [
      "strings",
      '?value ex:p "?value \\" ?label", \'?x\' .',
      '?maker ex:p "?value \\" ?label", \'?x\' .',
    ],
    ["long strings", '?value ex:p """a "?x"\n?y""" .', '?maker ex:p """a "?x"\n?y""" .'],
    [
      "IRIs",
      "?value <http://x.example/?value=1#?x> ?y .",
      "?maker <http://x.example/?value=1#?x> ?maker_y .",
    ],
    ["comments", "?value ex:p ?y . # ?value", "?maker ex:p ?maker_y . # ?value"],
  ])("leaves %s alone", (_, pattern, expected) => {
    expect(text(pattern)).toBe(expected);
  });

  it("takes a comparison for no IRI", () => {
    expect(text("FILTER(?value < 5 && ?y > 3)")).toBe("FILTER(?maker < 5 && ?maker_y > 3)");
  });

  it("renames blank nodes, which one query cannot share between groups", () => {
    expect(text("_:b ex:p ?value . ex:a_:b ex:q _:c.d .")).toBe(
      "_:maker_b ex:p ?maker . ex:a_:b ex:q _:maker_c.d .",
    );
  });

  it("says that there is no label", () => {
    expect(
      facetPattern({ name: "x", pattern: '?image ex:p ?value # ?label\n . FILTER("?label" != "")' })
        .label,
    ).toBeNull();
  });

  it("removes shared indentation and what surrounds the lines", () => {
    expect(text("\n    ?a ex:p ?value ;\n       ex:q ?b .  \n")).toBe(
      "?maker_a ex:p ?maker ;\n   ex:q ?maker_b .",
    );
  });

  it.each([
    ["image", "?facet_image"],
    ["score", "?facet_score"],
    ["holding institution", "?holding_20institution"],
    ["époque", "?_e9poque"],
    ["", "?facet_"],
  ])("makes of the name %j the variable %s", (name, expected) => {
    expect(facetPattern({ name, pattern: "?image ex:p ?value ." }).value).toBe(expected);
  });
});

describe("usedPrefixes", () => {
  const PREFIXES = {
    ex: "http://ex.example/",
    crm: "http://crm.example/",
    "": "http://e.example/",
    "a-b": "http://ab.example/",
  };

  it.each([
    ["?x ex:p ?y", ["ex"]],
    ["?x :p ?y", [""]],
    ["?x a-b:p/^ex:q ?y", ["ex", "a-b"]],
    ['?x <crm:p> "ex:" # crm:', []],
    ["_:ex ?p ?crm", []],
  ])("of %j", (pattern, expected) => {
    expect(
      usedPrefixes(PREFIXES, [pattern])
        .map(([prefix]) => prefix)
        .sort(),
    ).toEqual(expected.sort());
  });
});
