import { describe, expect, it } from "vitest";
import type { Gathered } from "./basket";
import { Basket } from "./basket";
import { csv, jsonLd } from "./downloads";

const LAKE: Gathered = {
  image: "http://img.example/lake",
  record: {
    image: "http://img.example/lake",
    id: "ab",
    link: "http://img.example/lake/full/1000,/0/default.jpg",
    width: 40,
    height: 30,
    fields: {
      title: [
        { value: 'Lake, "big"', language: "en" },
        { value: "See", language: "de" },
      ],
      maker: [{ value: '=HYPERLINK("x")' }],
      object: [{ value: "https://ex.example/1", isIri: true }],
    },
  },
};
const UNKNOWN: Gathered = { image: "http://img.example/x", record: null };

describe("csv", () => {
  it("has a row for each picture, quoted where needed, without formulas", () => {
    expect(csv([LAKE, UNKNOWN]).split("\r\n")).toEqual([
      "image,id,link,width,height,title,maker,object",
      'http://img.example/lake,ab,http://img.example/lake/full/1000,/0/default.jpg,40,30,"Lake, ""big"" | See","\'=HYPERLINK(""x"")",https://ex.example/1'.replace(
        "http://img.example/lake/full/1000,/0/default.jpg",
        '"http://img.example/lake/full/1000,/0/default.jpg"',
      ),
      "http://img.example/x,,,,,,,",
      "",
    ]);
  });
});

describe("jsonLd", () => {
  it("keeps languages and links, and brings its context along", () => {
    const { "@context": context, "@graph": graph } = JSON.parse(jsonLd([LAKE, UNKNOWN]));
    expect(context.title).toBe("dcterms:title");
    expect(graph[0]).toMatchObject({
      "@id": "http://img.example/lake",
      title: [
        { "@value": 'Lake, "big"', "@language": "en" },
        { "@value": "See", "@language": "de" },
      ],
      maker: ['=HYPERLINK("x")'],
      object: [{ "@id": "https://ex.example/1" }],
    });
    expect(graph[1]).toEqual({ "@id": "http://img.example/x", "@type": "schema:ImageObject" });
  });
});

describe("a basket", () => {
  it("takes a picture in and out", () => {
    const basket = new Basket();
    basket.toggle(LAKE);
    basket.toggle(UNKNOWN);
    basket.toggle(LAKE);
    expect(basket.pictures.value).toEqual([UNKNOWN]);
    expect(basket.has(LAKE.image)).toBe(false);
    basket.empty();
    expect(basket.pictures.value).toEqual([]);
  });
});
