import { describe, expect, it } from "vitest";
import { declaredPrefixes, firstUndeclared, missingPrefix } from "./prefixes";

describe("declaredPrefixes", () => {
  it("reads them in any case, and not from comments", () => {
    const query =
      "# PREFIX no: <http://no/>\nprefix a: <http://a#>\nPREFIX : <http://empty/>\nSELECT * {}";
    expect(declaredPrefixes(query)).toEqual({ a: "http://a#", "": "http://empty/" });
  });
});

describe("firstUndeclared", () => {
  it.each([
    ["SELECT * { ?s dct:title ?o }", "dct:title"],
    ["PREFIX dct: <http://d/> SELECT * { ?s dct:title ?o ; a clip:Request }", null],
    ['SELECT * { ?s ?p "no:text"^^xsd:date }', null],
    ["SELECT * { ?s <http://no> _:b }", null],
    ["SELECT * { ?s :p 1 }", ":p"],
  ])("of %j is %j", (query, expected) => {
    const found = firstUndeclared(query);
    expect(found && query.slice(found.from, found.to)).toBe(expected);
  });
});

describe("missingPrefix", () => {
  const put = (query: string, prefix = "dct") => {
    const insertion = missingPrefix(query, prefix, "http://d/");
    return insertion && query.slice(0, insertion.at) + insertion.text + query.slice(insertion.at);
  };
  it("comes after the last PREFIX line", () => {
    expect(put("PREFIX a: <http://a>\nPREFIX b: <http://b>\n\nSELECT *")).toBe(
      "PREFIX a: <http://a>\nPREFIX b: <http://b>\nPREFIX dct: <http://d/>\n\nSELECT *",
    );
  });
  it("comes below comments that begin the query", () => {
    expect(put("# What is it?\nSELECT *")).toBe("# What is it?\nPREFIX dct: <http://d/>\nSELECT *");
  });
  it("is not needed twice, nor for what the service knows", () => {
    expect(put("PREFIX dct: <http://other/>\nSELECT *")).toBeNull();
    expect(put("SELECT *", "clip")).toBeNull();
  });
});
