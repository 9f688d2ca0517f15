import { describe, expect, it } from "vitest";
import type { ImageRecord } from "../common/images";
import { description, fieldLanguage, isAtHome, newHit } from "./hit";
import { pictureSources } from "./Picture";

const IMAGE = "http://img.example/1";

function record(more: Partial<ImageRecord> = {}): ImageRecord {
  return { image: IMAGE, id: "ab", link: `${IMAGE}/full/max/0/default.jpg`, fields: {}, ...more };
}

describe("a hit", () => {
  it("has the shape of its image, a square where that is not known", () => {
    expect(newHit(IMAGE, 0.5, record({ width: 300, height: 200 })).ratio).toBe(1.5);
    expect(newHit(IMAGE, 0.5, record()).ratio).toBe(1);
    expect(newHit(IMAGE, 0.5, null).ratio).toBe(1);
  });

  it("has fields in a language where all that is shown of them has it", () => {
    const see = { value: "See", language: "de" };
    const language = (...title: { value: string; language?: string }[]) =>
      fieldLanguage(record({ fields: { title } }), "title", "de");
    expect(language(see, { value: "Lake", language: "en" })).toBe("de");
    expect(language({ value: "Lac", language: "fr" })).toBe("fr");
    expect(language(see, { value: "17" })).toBeUndefined();
    expect(language()).toBeUndefined();
  });

  it("is described by title, maker and date in the visitor's language", () => {
    const fields = {
      title: [
        { value: "Lake", language: "en" },
        { value: "See", language: "de" },
      ],
      date: [{ value: "1850" }],
    };
    expect(description(record({ fields }), "de")).toBe("See, 1850");
    const dated = record({ fields: { date: [{ value: "1899-01-01T00:00:00" }] } });
    expect(description(dated, "de")).toBe("1. Januar 1899");
    expect(description(record(), "de")).toBe("");
    expect(description(null, "de")).toBe("");
  });
});

describe("an image", () => {
  it("is at home where the hits are", () => {
    const hits = [newHit(IMAGE, 1, null)];
    expect(isAtHome("http://img.example/other", hits)).toBe(true);
    expect(isAtHome("http://img.example:81/other", hits)).toBe(false);
    expect(isAtHome("https://img.example/other", hits)).toBe(false);
    expect(isAtHome("urn:x:1", hits)).toBe(false);
    expect(isAtHome(IMAGE, [])).toBe(false);
  });
});

describe("pictures to try", () => {
  const fitting = `${IMAGE}/full/400,/0/default.jpg`;
  const link = `${IMAGE}/full/max/0/default.jpg`;

  it.each<[string, ImageRecord | null, string[]]>([
    [
      "of an image of which nothing is known",
      null,
      [fitting, `${IMAGE}/full/1000,/0/default.jpg`, link],
    ],
    ["of a service", record({ service: { version: 3, profile: "level2" } }), [fitting, link]],
    ["of an image without a service", record(), [link]],
    ["of level 0", record({ service: { version: 3, profile: "level0" } }), [link]],
    [
      "of level 0 of version 2",
      record({ service: { version: 2, profile: "http://iiif.io/api/image/2/level0.json" } }),
      [link],
    ],
    [
      "of a small image",
      record({ width: 250, height: 250, service: { version: 3, profile: "level1" } }),
      [`${IMAGE}/full/250,/0/default.jpg`, link],
    ],
  ])("%s", (_, known, expected) => {
    expect(pictureSources(IMAGE, known, 300)).toEqual(expected);
  });
});
