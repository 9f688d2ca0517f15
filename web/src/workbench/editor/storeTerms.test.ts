import { expect, it } from "vitest";
import { termsOf } from "./storeTerms";

it("keeps the IRIs, in their order", () => {
  const n = {
    type: "literal",
    value: "7",
    datatype: "http://www.w3.org/2001/XMLSchema#integer",
  } as const;
  expect(
    termsOf([
      { term: { type: "uri", value: "http://a" }, n },
      { term: { type: "bnode", value: "b0" }, n },
      { n },
    ]),
  ).toEqual([{ iri: "http://a", n: 7 }]);
});
