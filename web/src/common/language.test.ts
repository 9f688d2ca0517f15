import { describe, expect, it } from "vitest";
import { inLanguage } from "./language";

const GERMAN = { value: "See", language: "de" };
const SWISS = { value: "Bergsee", language: "de-CH" };
const ENGLISH = { value: "Lake", language: "en" };
const RUMANTSCH = { value: "Lai", language: "rm" };
const PLAIN = { value: "12" };

describe("inLanguage", () => {
  it.each([
    ["the visitor's", [ENGLISH, GERMAN], "de", [GERMAN]],
    ["the visitor's with a region", [ENGLISH, SWISS], "de", [SWISS]],
    ["English where the visitor's is missing", [GERMAN, ENGLISH], "fr", [ENGLISH]],
    [
      "values without a language beside the visitor's",
      [PLAIN, GERMAN, ENGLISH],
      "de",
      [PLAIN, GERMAN],
    ],
    ["values without a language before foreign ones", [PLAIN, RUMANTSCH], "fr", [PLAIN]],
    ["the first of the others", [RUMANTSCH, GERMAN], "fr", [RUMANTSCH]],
    ["nothing of nothing", [], "fr", []],
  ])("takes %s", (_, values, wanted, expected) => {
    expect(inLanguage<{ value: string; language?: string }>(values, wanted)).toEqual(expected);
  });
});
