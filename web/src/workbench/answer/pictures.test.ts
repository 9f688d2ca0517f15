import { describe, expect, it } from "vitest";
import type { ImageRecord } from "../../common/images";
import type { TableAnswer } from "./answer";
import { isPictureIri, pictureColumns, sampledIris, smallPictureUrls } from "./pictures";

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
    const known = new Set(["http://iiif/2"]);
    expect(pictureColumns(TABLE, known)).toEqual(["image", "file"]);
    expect(pictureColumns(TABLE, new Set())).toEqual(["file"]);
    const most = new Set(["http://files/b", "http://iiif/1", "http://iiif/2"]);
    expect(pictureColumns({ ...TABLE, variables: ["file", "image"] }, most)).toEqual([
      "image",
      "file",
    ]);
  });
});

const record = (image: string, width: number): ImageRecord => ({
  image,
  id: "",
  link: "",
  width,
  fields: {},
});

it.each([
  ["http://a/x", undefined, []],
  ["http://a/x/", record("http://a/x/", 4000), ["http://a/x/full/200,/0/default.jpg"]],
  ["http://a/x.jpg", undefined, ["http://a/x.jpg", "http://a/x.jpg/full/200,/0/default.jpg"]],
  ["http://a/x.jpg", record("http://a/x.jpg", 4000), ["http://a/x.jpg/full/200,/0/default.jpg"]],
  ["http://a/x", record("http://a/x", 90), ["http://a/x/full/90,/0/default.jpg"]],
  [
    "http://a/x.jpg",
    { ...record("http://a/x.jpg", 90), measured: "delivered", link: "http://a/x.jpg" } as const,
    ["http://a/x.jpg"],
  ],
  [
    "http://a/x/0,0,9,9/max/0/gray.png",
    undefined,
    ["http://a/x/0,0,9,9/200,/0/gray.png", "http://a/x/0,0,9,9/max/0/gray.png"],
  ],
])("smallPictureUrls(%s)", (iri, known, expected) => {
  expect(smallPictureUrls(iri, 200, known)).toEqual(expected);
});
