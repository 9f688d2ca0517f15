import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const RECORD = { id: "ab", link: "", fields: {} };
/** Images of each request. */
let asked: string[][] = [];

/** The module, which remembers whether the service has /images, as new. */
async function fresh(answer: (images: string[]) => Response) {
  asked = [];
  vi.resetModules();
  vi.stubGlobal("fetch", async (_url: string, { body }: { body: URLSearchParams }) => {
    const images = body.getAll("image");
    asked.push(images);
    return answer(images);
  });
  return (await import("./images")).imageRecords;
}

beforeEach(() => vi.unstubAllGlobals());
afterEach(() => vi.unstubAllGlobals());

describe("imageRecords", () => {
  it("asks for 200 images at once and gives those that are known", async () => {
    const imageRecords = await fresh((images) =>
      Response.json({ images: images.slice(1).map((image) => ({ ...RECORD, image })) }),
    );
    const images = Array.from({ length: 250 }, (_, n) => `http://img.example/${n}`);
    const records = await imageRecords("", images);
    expect(asked.map(({ length }) => length)).toEqual([200, 50]);
    expect(records.size).toBe(248);
    expect(records.has("http://img.example/0")).toBe(false);
    expect(records.get("http://img.example/1")?.id).toBe("ab");
  });

  it("asks a service without /images once", async () => {
    const imageRecords = await fresh(() => new Response("", { status: 404 }));
    await expect(imageRecords("", ["http://img.example/0"])).rejects.toMatchObject({ status: 404 });
    // Nothing is known about the image, not even that the collection does not have it.
    await expect(imageRecords("", ["http://img.example/0"])).rejects.toMatchObject({ status: 404 });
    expect(asked).toHaveLength(1);
  });

  it("asks again after a failure", async () => {
    const imageRecords = await fresh(() => new Response("", { status: 503 }));
    await expect(imageRecords("", ["http://img.example/0"])).rejects.toMatchObject({ status: 503 });
    await expect(imageRecords("", ["http://img.example/0"])).rejects.toMatchObject({ status: 503 });
    expect(asked).toHaveLength(2);
  });
});
