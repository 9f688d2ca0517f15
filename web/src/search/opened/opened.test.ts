import { describe, expect, it } from "vitest";
import type { ImageRecord } from "../../common/images";
import { readSettings } from "../../common/settings";
import { citation } from "./citation";
import { neighbours } from "./neighbours";
import { manifestUrl, viewerUrl } from "./viewers";

const RECORD: ImageRecord = {
  image: "http://img.example/1",
  id: "ab",
  link: "",
  fields: {
    title: [
      { value: "Lake", language: "en" },
      { value: "See", language: "de" },
    ],
    maker: [{ value: "Carlo Riva" }],
    date: [{ value: "1850" }],
    institution: [{ value: "Museo" }],
    object: [{ value: "https://ex.example/1", isIri: true }],
  },
};

describe("citation", () => {
  it("names maker, title, date, institution and the object", () => {
    expect(citation(RECORD.image, RECORD, "Untitled", "de")).toBe(
      "Carlo Riva: See, 1850, Museo. https://ex.example/1",
    );
  });

  it("is the image where nothing else is known", () => {
    expect(citation("http://img.example/2", null, "Untitled", "de")).toBe(
      "Untitled. http://img.example/2",
    );
  });
});

describe("neighbours", () => {
  it.each([
    ["a", { previous: null, next: "b" }],
    ["b", { previous: "a", next: "c" }],
    ["c", { previous: "b", next: null }],
    ["not among them", { previous: null, next: null }],
  ])("of %s", (image, expected) => {
    expect(neighbours(["a", "b", "c"], image)).toEqual(expected);
  });
});

describe("a viewer", () => {
  it("gets the absolute URL of a manifest, encoded", () => {
    const settings = readSettings(document);
    const manifest = manifestUrl(settings, ["ab", "cd"]);
    expect(new URL(manifest).search).toBe("?id=ab&id=cd");
    expect(viewerUrl({ name: "M", url: "https://m.example/?a={manifest}&b=1" }, manifest)).toBe(
      `https://m.example/?a=${encodeURIComponent(manifest)}&b=1`,
    );
  });
});
