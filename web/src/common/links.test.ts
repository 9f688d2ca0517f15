import { describe, expect, it } from "vitest";
import { readFragment } from "../workbench/query/link";
import { thumbnailUrl } from "./iiif";
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
