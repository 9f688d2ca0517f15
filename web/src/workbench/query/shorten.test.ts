import { expect, it } from "vitest";
import { shortened } from "./shorten";

const PREFIXES = { ex: "http://ex/", deep: "http://ex/deep/", empty: "" };

it.each([
  ["http://ex/title", "ex:title"],
  ["http://ex/deep/title", "deep:title"],
  ["http://ex/Zürich", "ex:Zürich"],
  ["http://ex/a/b", null],
  ["http://ex/", null],
  ["http://other/title", null],
  ["http://ex/ends.", null],
])("shortened(%j) is %j", (iri, expected) => {
  expect(shortened(iri, PREFIXES)).toBe(expected);
});
