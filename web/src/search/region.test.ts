import { describe, expect, it } from "vitest";
import { regionUrl } from "./region";

describe("regionUrl", () => {
  it.each([
    [4000, 3000, "512,"],
    [300, 3000, ",512"],
    [100, 50, "100,"],
  ])("of %i x %i pixels is not enlarged", (width, height, size) => {
    expect(regionUrl({ image: "http://x.example/i", x: 1, y: 2, width, height })).toBe(
      `http://x.example/i/1,2,${width},${height}/${size}/0/default.jpg`,
    );
  });
});
