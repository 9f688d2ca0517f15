import { describe, expect, it } from "vitest";
import type { ImageRecord } from "../../common/images";
import type { Column } from "./columns";
import { isPictureIri, pictureColumns, sampledIris, smallPictureUrls } from "./pictures";

const column = (name: string, ...iris: string[]): Column => ({
  name,
  isNumeric: false,
  tag: null,
  iris,
});
const COLUMNS = [
  column("image", "http://iiif/1", "http://iiif/2"),
  column("work", "http://work/1"),
  column("file", "http://files/a.JPG"),
  column("note"),
];

it.each([
  ["http://a/x.jpg", true],
  ["http://a/x.PNG?size=1", true],
  ["http://a/iiif/x/full/max/0/default.jpg", true],
  ["http://a/iiif/x/pct:0,0,50,50/200,/!90/gray.tif", true],
  ["http://a/iiif/x", false],
  ["http://a/x/full/max/0/default.jp2", true],
  // A date in a path is no region.
  ["http://a/2020/01/15/photo.tif", false],
  ["http://a/jpg", false],
  ["urn:x.jpg", false],
])("isPictureIri(%j) is %s", (iri, expected) => {
  expect(isPictureIri(iri)).toBe(expected);
});

describe("columns", () => {
  it("are sampled by their distinct IRIs", () => {
    expect(sampledIris(COLUMNS)).toEqual([
      "http://iiif/1",
      "http://iiif/2",
      "http://work/1",
      "http://files/a.JPG",
    ]);
  });

  it("hold pictures if the service knows them or they look like it", () => {
    const known = new Set(["http://iiif/2"]);
    const table = { columns: COLUMNS };
    expect(pictureColumns(table, known)).toEqual(["image", "file"]);
    expect(pictureColumns(table, new Set())).toEqual(["file"]);
    const most = new Set(["http://iiif/1", "http://iiif/2"]);
    expect(pictureColumns({ columns: COLUMNS.toReversed() }, most)).toEqual(["image", "file"]);
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
    "http://a/2020/01/15/photo.jpg",
    undefined,
    ["http://a/2020/01/15/photo.jpg", "http://a/2020/01/15/photo.jpg/full/200,/0/default.jpg"],
  ],
  [
    "http://a/x/0,0,9,9/max/0/gray.png",
    undefined,
    ["http://a/x/0,0,9,9/200,/0/gray.png", "http://a/x/0,0,9,9/max/0/gray.png"],
  ],
])("smallPictureUrls(%s)", (iri, known, expected) => {
  expect(smallPictureUrls(iri, 200, known)).toEqual(expected);
});
