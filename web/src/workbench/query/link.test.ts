import { describe, expect, it } from "vitest";
import { type LinkedQuery, readFragment, writeFragment } from "./link";

describe("a link", () => {
  it.each<LinkedQuery>([
    { query: "SELECT * { ?s ?p 'a&b=c#d' }", view: null, isRun: false },
    { query: 'ASK { ?s ?p "Zürich\n+ 1%" }', view: "gallery", isRun: true },
  ])("is read as it was written: %j", (link) => {
    expect(readFragment(`#${writeFragment(link)}`)).toEqual(link);
  });

  it("holds what encodeURIComponent makes of the query", () => {
    expect(readFragment(`#query=${encodeURIComponent("ASK {}")}`)).toEqual({
      query: "ASK {}",
      view: null,
      isRun: false,
    });
  });

  it.each([
    ["", null],
    ["#other", null],
    ["#query=", null],
    ["#view=table", null],
  ])("%j names no query", (fragment, expected) => {
    expect(readFragment(fragment)).toBe(expected);
  });

  it("survives broken escapes and unknown views", () => {
    expect(readFragment("#query=100%&view=spoon")).toEqual({
      query: "100%",
      view: null,
      isRun: false,
    });
  });

  it("is empty for queries that hold whole pictures", () => {
    expect(writeFragment({ query: "x".repeat(300_000), view: null, isRun: false })).toBe("");
  });
});
