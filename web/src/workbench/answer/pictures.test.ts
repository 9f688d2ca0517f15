import { describe, expect, it } from "vitest";
import type { TableAnswer } from "./answer";
import { isPictureIri, pictureColumns, sampledIris, thumbnailUrl } from "./pictures";

const TABLE: TableAnswer = {
  kind: "table",
  text: "",
  variables: ["image", "work", "file", "note"],
  rows: [
    {
      image: { type: "uri", value: "http://iiif/1" },
      work: { type: "uri", value: "http://work/1" },
      note: { type: "literal", value: "http://iiif/1" },
    },
    {
      image: { type: "uri", value: "http://iiif/2" },
      work: { type: "uri", value: "http://work/1" },
      file: { type: "uri", value: "http://files/a.JPG" },
    },
  ],
};

it.each([
  ["http://a/x.jpg", true],
  ["http://a/x.PNG?size=1", true],
  ["http://a/iiif/x/full/max/0/default.jpg", true],
  ["http://a/iiif/x/pct:0,0,50,50/200,/!90/gray.tif", true],
  ["http://a/iiif/x", false],
  ["http://a/jpg", false],
  ["urn:x.jpg", false],
])("isPictureIri(%j) is %s", (iri, expected) => {
  expect(isPictureIri(iri)).toBe(expected);
});

describe("columns", () => {
  it("are sampled by their distinct IRIs", () => {
    expect(sampledIris(TABLE)).toEqual([
      "http://iiif/1",
      "http://iiif/2",
      "http://work/1",
      "http://files/a.JPG",
    ]);
  });

  it("hold pictures if the service knows them or they look like it", () => {
    const known = new Map([["http://iiif/2", { image: "http://iiif/2" }]]);
    expect(pictureColumns(TABLE, known)).toEqual(["image", "file"]);
    expect(pictureColumns(TABLE, new Map())).toEqual(["file"]);
  });
});

describe("thumbnailUrl", () => {
  it.each([
    ["http://a/x", undefined, "http://a/x/full/200,/0/default.jpg"],
    ["http://a/x/", undefined, "http://a/x/full/200,/0/default.jpg"],
    ["http://a/x.jpg", undefined, "http://a/x.jpg"],
    ["http://a/x.jpg", { image: "http://a/x.jpg" }, "http://a/x.jpg/full/200,/0/default.jpg"],
    ["http://a/x/0,0,9,9/max/0/gray.png", undefined, "http://a/x/0,0,9,9/200,/0/gray.png"],
    [
      "http://a/x",
      { image: "http://a/x", link: "http://a/x/full/1000,/0/default.jpg" },
      "http://a/x/full/200,/0/default.jpg",
    ],
    [
      "http://a/x.jpg",
      { image: "http://a/x.jpg", link: "http://a/x.jpg" },
      "http://a/x.jpg/full/200,/0/default.jpg",
    ],
  ])("of %s", (iri, known, expected) => {
    expect(thumbnailUrl(iri, 200, known)).toBe(expected);
  });
});
