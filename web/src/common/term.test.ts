import { describe, expect, it } from "vitest";
import { iri, isIri, literal, written } from "./term";

describe("literal", () => {
  it.each([
    ["a lake", '"a lake"'],
    ['a "lake"', '"a \\"lake\\""'],
    ["back\\slash", '"back\\\\slash"'],
    ["two\nlines\r\tand more", '"two\\nlines\\r\\tand more"'],
    ['"} DROP ALL #', '"\\"} DROP ALL #"'],
    ["\\", '"\\\\"'],
    ["é 山 🏔", '"é 山 🏔"'],
    ["broken \ud800 pair", '"broken \ufffd pair"'],
  ])("writes %j", (text, expected) => {
    expect(literal(text)).toBe(expected);
  });
});

describe("iri", () => {
  it.each([
    "http://a.example/x",
    "https://ä.example/ö?q=1#f",
    "urn:x:1",
    "data:image/png;base64,AA==",
  ])("takes %s", (text) => {
    expect(iri(text)).toBe(`<${text}>`);
  });

  it.each([
    "http://a.example/> . ?s ?p ?o",
    "http://a.example/a b",
    'http://a.example/"',
    "http://a.example/{x}",
    "http://a.example/a|b",
    "http://a.example/a\\b",
    "http://a.example/a^b",
    "http://a.example/a`b",
    "http://a.example/\n",
    "http://a.example/\u007f",
    "http://a.example/\ud800",
    "relative/path",
    "//host/path",
    "",
  ])("refuses %j", (text) => {
    expect(isIri(text)).toBe(false);
    expect(() => iri(text)).toThrow(RangeError);
  });
});

describe("written", () => {
  it("keeps language and datatype", () => {
    expect(written({ type: "uri", value: "http://x.example/1" })).toBe("<http://x.example/1>");
    expect(written({ type: "literal", value: "See", "xml:lang": "de-CH" })).toBe('"See"@de-CH');
    expect(
      written({
        type: "literal",
        value: "5",
        datatype: "http://www.w3.org/2001/XMLSchema#integer",
      }),
    ).toBe('"5"^^<http://www.w3.org/2001/XMLSchema#integer>');
    expect(written({ type: "literal", value: "plain" })).toBe('"plain"');
  });

  it("refuses a language tag that is none", () => {
    expect(() => written({ type: "literal", value: "x", "xml:lang": "de } #" })).toThrow(
      RangeError,
    );
  });
});
