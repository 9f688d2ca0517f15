import { describe, expect, it } from "vitest";
import type { Row } from "../common/sparql";
import type { NamedTerm } from "../common/term";
import { bins, choices, uncounted, yearCounts } from "./facets";

const RIVA: NamedTerm = { type: "uri", value: "http://ex.example/person/carlo%20riva" };
const KELLER: NamedTerm = { type: "uri", value: "http://ex.example/person/keller" };

function row(maker: NamedTerm | undefined, count: number, named?: string): Row {
  return {
    ...(maker && { maker }),
    count: { type: "literal", value: String(count) },
    ...(named && { named: { type: "literal", value: named } }),
  };
}

function text(value: string, language?: string): NamedTerm {
  return { type: "literal", value, ...(language && { "xml:lang": language }) };
}

describe("choices", () => {
  it("have the label without its rank, else the last part of the IRI", () => {
    const all = choices([row(RIVA, 5), row(KELLER, 3, "1Gottfried Keller")], "maker", [], "de");
    expect(all.map(({ label, count }) => [label, count])).toEqual([
      ["carlo riva", 5],
      ["Gottfried Keller", 3],
    ]);
  });

  it("keep what is chosen, counted or not", () => {
    const all = choices([row(RIVA, 5)], "maker", [KELLER, RIVA], "de");
    expect(all.map(({ term, count, isChosen }) => [term, count, isChosen])).toEqual([
      [RIVA, 5, true],
      [KELLER, 0, true],
    ]);
  });

  it("are literals in the visitor's language, whatever others there are", () => {
    const rows = [row(text("oil", "en"), 9), row(text("Öl", "de"), 9), row(text("tempera"), 2)];
    expect(choices(rows, "maker", [], "de").map(({ label }) => label)).toEqual(["Öl", "tempera"]);
    expect(choices(rows, "maker", [], "it").map(({ label }) => label)).toEqual(["oil", "tempera"]);
    expect(choices(rows, "maker", [text("oil", "en")], "de").map(({ label }) => label)).toEqual([
      "oil",
      "Öl",
      "tempera",
    ]);
  });

  it("are the most frequent 30, and no unbound or blank ones", () => {
    const many = Array.from({ length: 50 }, (_, n) =>
      row({ type: "uri", value: `http://ex.example/${n}` }, 50 - n),
    );
    const all = choices(
      [row(undefined, 99), { maker: { type: "bnode", value: "b" } }, ...many],
      "maker",
      [],
      "en",
    );
    expect(all).toHaveLength(30);
    expect(all[0]?.count).toBe(50);
  });

  it("ask again for chosen values that were not counted", () => {
    expect(uncounted([row(RIVA, 5)], "maker", [RIVA, KELLER])).toEqual([KELLER]);
  });
});

describe("years", () => {
  it("are numbers in order", () => {
    const rows = [
      row(text("1850"), 2),
      row(text("about 1800"), 1),
      row(text("-20"), 3),
      row(undefined, 1),
    ];
    expect(yearCounts(rows, "maker")).toEqual([
      { year: -20, count: 3 },
      { year: 1850, count: 2 },
    ]);
  });

  it("are put into bins that cover all of them once", () => {
    const counts = [
      { year: 1800, count: 1 },
      { year: 1804, count: 2 },
      { year: 1805, count: 4 },
      { year: 1849, count: 8 },
    ];
    const all = bins(counts, 10);
    expect(all.length).toBeLessThanOrEqual(10);
    expect(all[0]).toEqual({ from: 1800, to: 1804, count: 3 });
    expect(all.at(-1)).toEqual({ from: 1845, to: 1849, count: 8 });
    expect(all.reduce((sum, bin) => sum + bin.count, 0)).toBe(15);
  });

  it("of one year are one bin, of none none", () => {
    expect(bins([{ year: 1900, count: 3 }], 24)).toEqual([{ from: 1900, to: 1900, count: 3 }]);
    expect(bins([], 24)).toEqual([]);
  });
});
