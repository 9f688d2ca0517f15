import { expect, it } from "vitest";
import type { Term } from "../../common/term";
import { ColumnReader, SAMPLE, tagOf } from "./columns";

const XSD = "http://www.w3.org/2001/XMLSchema#";
const literal = (value: string, datatype?: string): Term =>
  datatype ? { type: "literal", value, datatype } : { type: "literal", value };
const german: Term = { type: "literal", value: "See", "xml:lang": "de" };

it.each([
  [german, "@de"],
  [{ ...german, "its:dir": "ltr" }, "@de--ltr"],
  [literal("1", `${XSD}integer`), `${XSD}integer`],
  [literal("plain"), null],
  [{ type: "uri", value: "http://a" }, null],
] as [Term, string | null][])("tagOf(%j)", (term, expected) => {
  expect(tagOf(term)).toBe(expected);
});

it.each([
  ["one language", [german, german], { isNumeric: false, tag: "@de" }],
  ["gaps do not matter", [german, null], { isNumeric: false, tag: "@de" }],
  ["mixed", [german, literal("lake")], { isNumeric: false, tag: null }],
  ["numbers", [literal("1", `${XSD}float`)], { isNumeric: true, tag: `${XSD}float` }],
  ["dates are no numbers", [literal("1", `${XSD}date`)], { isNumeric: false, tag: `${XSD}date` }],
  [
    "numbers of two kinds",
    [literal("1", `${XSD}float`), literal("1", `${XSD}integer`)],
    { isNumeric: true, tag: null },
  ],
  ["empty", [], { isNumeric: false, tag: null }],
] as [string, (Term | null)[], object][])("a column: %s", (_, terms, expected) => {
  const reader = new ColumnReader("a");
  for (const term of terms) {
    reader.add([term ? { a: term } : {}]);
  }
  expect(reader.column()).toEqual({ name: "a", iris: [], ...expected });
});

it("keeps the first distinct IRIs of the web", () => {
  const reader = new ColumnReader("a");
  const iris = Array.from({ length: 30 }, (_, n) => `http://a/${n}`);
  reader.add(["urn:x", "http://a/0", ...iris].map((value) => ({ a: { type: "uri", value } })));
  expect(reader.column().iris).toEqual(iris.slice(0, SAMPLE));
});
