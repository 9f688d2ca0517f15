import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readSettings } from "../common/settings";
import { HitList } from "./hitList";
import { NOTHING } from "./question";

const QUESTION = { ...NOTHING, text: "a lake" };

/** The queries that were sent, and what answers each. */
let sent: string[] = [];
let answer: (query: string, signal: AbortSignal) => Response | Promise<Response>;

/** Requests for records: the images that were asked about, and whether with their fields. */
let records: { images: string[]; fields: string | null }[] = [];
let known: (images: string[], fields: string | null) => Response | Promise<Response>;

beforeEach(() => {
  sent = [];
  records = [];
  known = () => new Response("", { status: 503 });
  vi.stubGlobal("fetch", async (url: string, request: RequestInit) => {
    const form = request.body as URLSearchParams;
    if (url !== "sparql") {
      const asked = { images: form.getAll("image"), fields: form.get("fields") };
      records.push(asked);
      return known(asked.images, asked.fields);
    }
    const query = form.get("query") ?? "";
    sent.push(query);
    return answer(query, request.signal as AbortSignal);
  });
});

afterEach(async () => {
  // What a list still asks is not asked in the next test.
  await Promise.all(lists.map(({ described }) => described));
  lists = [];
  vi.unstubAllGlobals();
});

let lists: HitList[] = [];

function newList(): HitList {
  const list = new HitList(readSettings(document));
  lists.push(list);
  return list;
}

function rows(scores: [string, number][]): Response {
  const bindings = scores.map(([image, score]) => ({
    image: { type: "uri", value: image },
    score: { type: "literal", value: String(score) },
  }));
  return Response.json({ head: { vars: ["image", "score"] }, results: { bindings } });
}

function page(from: number, n: number): [string, number][] {
  return Array.from({ length: n }, (_, at) => [`http://img.example/${from + at}`, 0.9 - at / 100]);
}

describe("a list of hits", () => {
  it("goes on where it stopped, and shows no image twice", async () => {
    const list = newList();
    answer = (query) => rows(query.includes("OFFSET 40") ? page(39, 5) : page(0, 40));
    expect(await list.search(QUESTION)).toBe(true);
    expect(list.isComplete.value).toBe(false);
    await list.more();
    expect(list.hits.value.map(({ image }) => image)).toEqual(page(0, 44).map(([image]) => image));
    expect(list.isComplete.value).toBe(true);
    await list.more();
    expect(sent).toHaveLength(2);
  });

  it("is brought back as far as it was read, up to a bound, and goes on from there", async () => {
    const list = newList();
    answer = (query) => rows(page(0, Number(query.match(/LIMIT (\d+)/)?.[1])));
    await list.search(QUESTION, 95);
    expect(list.hits.value).toHaveLength(120);
    expect(list.isComplete.value).toBe(false);
    await list.more();
    expect(sent[1]).toMatch(/LIMIT 40\nOFFSET 120$/);
    await list.search(QUESTION, 1_000_000);
    expect(sent[2]).toMatch(/LIMIT 400$/);
    await list.search(QUESTION);
    expect(sent[3]).toMatch(/LIMIT 40$/);
  });

  it("shows hits by their sizes, and what else is known when it comes", async () => {
    const list = newList();
    answer = () => rows(page(0, 2));
    let tell = (_: Response) => {};
    const record = (image: string) => ({ image, id: "ab", link: "", width: 300, height: 200 });
    known = (images, fields) =>
      fields === "none"
        ? Response.json({ images: images.map(record) })
        : new Promise((done) => {
            tell = done;
          });
    expect(await list.search(QUESTION)).toBe(true);
    expect(list.hits.value.map(({ ratio }) => ratio)).toEqual([1.5, 1.5]);
    const [gathered] = list.hits.value;
    expect(gathered?.record?.fields).toBeUndefined();
    const [first = "", second] = list.hits.value.map(({ image }) => image);
    const fields = { title: [{ value: "Lake" }] };
    await vi.waitFor(() => expect(records).toHaveLength(2));
    tell(Response.json({ images: [{ ...record(first), fields }] }));
    await vi.waitFor(() => expect(list.hits.value[0]?.record?.fields).toEqual(fields));
    // Of the other nothing is known; who had gathered a picture has its title, too.
    expect(list.hits.value[1]?.record?.fields).toEqual({});
    expect(gathered?.record?.fields).toEqual(fields);
    expect(records.map((asked) => asked.fields)).toEqual(["none", "all"]);
    expect(records[1]?.images).toEqual([first, second]);
  });

  it("shows squares where nothing is known about images", async () => {
    const list = newList();
    answer = () => rows(page(0, 2));
    await list.search(QUESTION);
    expect(list.hits.value.map(({ record, ratio }) => [record, ratio])).toEqual([
      [null, 1],
      [null, 1],
    ]);
    expect(list.error.value).toBeNull();
  });

  it("asks for the best score where there is no hit", async () => {
    const list = newList();
    answer = (query) => rows(query.includes("minScore -1") ? [["http://img.example/1", 0.17]] : []);
    await list.search(QUESTION);
    expect(list.best.value).toBe(0.17);
    expect(list.hits.value).toEqual([]);
  });

  it("lets the newest question win", async () => {
    const list = newList();
    let release = () => {};
    answer = (query, signal) =>
      query.includes("a lake")
        ? new Promise((done, fail) => {
            release = () => done(rows(page(0, 1)));
            signal.addEventListener("abort", () => fail(signal.reason));
          })
        : rows(page(7, 1));
    const first = list.search(QUESTION);
    const second = list.search({ ...NOTHING, text: "a ship" });
    release();
    expect(await first).toBe(false);
    expect(await second).toBe(true);
    expect(list.hits.value.map(({ image }) => image)).toEqual(["http://img.example/7"]);
    expect(list.error.value).toBeNull();
  });

  it("keeps what it has when more fails, and tries that again", async () => {
    const list = newList();
    answer = () => rows(page(0, 40));
    await list.search(QUESTION);
    answer = () => Promise.reject(new TypeError("offline"));
    await list.more();
    expect(list.error.value).toMatchObject({ status: null });
    expect(list.hits.value).toHaveLength(40);
    answer = () => rows(page(40, 3));
    await list.retry();
    expect(list.error.value).toBeNull();
    expect(list.hits.value).toHaveLength(43);
  });

  it("is empty where nothing is asked", async () => {
    const list = newList();
    answer = () => rows(page(0, 2));
    await list.search(QUESTION);
    expect(await list.search({ ...NOTHING, not: "a ship" })).toBe(false);
    expect(list.hits.value).toEqual([]);
    expect(sent).toHaveLength(1);
  });
});
