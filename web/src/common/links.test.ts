import { describe, expect, it } from "vitest";
import { readFragment } from "../workbench/query/link";
import { infoUrl, thumbnailUrl, wholeUrl } from "./iiif";
import { workbenchUrl } from "./workbenchLink";

describe("workbench link", () => {
  it("brings any query there and back", () => {
    const query = 'SELECT ?x { ?x a "50% & more #1" }\n# ü\n';
    const url = new URL(workbenchUrl("", query), "http://x.example/");
    expect(url.pathname).toBe("/sparql");
    expect(readFragment(url.hash)?.query).toBe(query);
  });
});

describe("thumbnail", () => {
  it.each([
    [120, undefined, 200],
    [201, undefined, 400],
    [5000, undefined, 800],
    [300, 250, 250],
    [120, 150, 150],
  ])("for %s pixels of an image %s wide asks for %s", (pixels, fullWidth, expected) => {
    const url = thumbnailUrl("http://x.example/i", pixels, fullWidth);
    expect(url).toBe(`http://x.example/i/full/${expected},/0/default.jpg`);
  });
});

describe("an image's URL", () => {
  it.each([
    ["http://x.example/i/", "http://x.example/i/full/max/0/default.jpg"],
    ["http://x.example/i/info.json", "http://x.example/i/full/max/0/default.jpg"],
    ["http://x.example/i/full/640,/0/native.jpg", "http://x.example/i/full/max/0/default.jpg"],
    ["http://x.example/i/1,2,3,4/max/!90/gray.png", "http://x.example/i/1,2,3,4/max/0/default.jpg"],
    ["http://x.example/p.php?id=3", "http://x.example/p.php?id=3"],
  ])("%s is asked for as it is meant", (image, whole) => {
    expect(wholeUrl(image)).toBe(whole);
  });

  it("leads to the description of its service", () => {
    for (const end of ["", "/", "/info.json", "/full/max/0/default.jpg"]) {
      expect(infoUrl(`http://x.example/i${end}`)).toBe("http://x.example/i/info.json");
    }
  });
});
