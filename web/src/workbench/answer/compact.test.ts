import { expect, it } from "vitest";
import { compactIri } from "./compact";

it.each([
  ["http://www.example.org/a", "example.org/a"],
  ["urn:isbn:1", "urn:isbn:1"],
  [
    `https://example.org/${"x".repeat(60)}/end`,
    "example.org/xxxxxxxxxxxx…xxxxxxxxxxxxxxxxxxxx/end",
  ],
])("compactIri(%j)", (iri, expected) => {
  expect(compactIri(iri)).toBe(expected);
});
