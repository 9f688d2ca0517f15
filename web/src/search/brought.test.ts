import { describe, expect, it } from "vitest";
import { asDataUrl, isPictureAddress, looksLikePicture } from "./brought";

describe("a URL", () => {
  it.each([
    ["https://x.example/a.JPG?w=1", true, true],
    ["http://x.example/i/full/max/0/default.jpg", true, true],
    ["https://x.example/page", true, false],
    ["https://x.example/a b.jpg", false, false],
    ["ftp://x.example/a.jpg", false, false],
    ["javascript:alert(1)//.jpg", false, false],
    ["a lake", false, false],
    ["https://", false, false],
  ])("%s", (text, isAddress, isPicture) => {
    expect(isPictureAddress(text)).toBe(isAddress);
    expect(looksLikePicture(text)).toBe(isPicture);
  });
});

describe("asDataUrl", () => {
  it("leaves a small picture as it is", async () => {
    const file = new Blob([new Uint8Array([1, 2, 3])], { type: "image/png" });
    expect(await asDataUrl(file, 1000)).toBe("data:image/png;base64,AQID");
  });
});
