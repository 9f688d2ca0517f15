import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startLanguage } from "../../common/i18n";
import { postForm } from "../../common/service";
import { NOTHING, type Question } from "../question";
import de from "./i18n/de.json";
import en from "./i18n/en.json";
import fr from "./i18n/fr.json";
import itMessages from "./i18n/it.json";
import { told } from "./words";

const TEXT: Question = { ...NOTHING, text: "a lake" };
const URL_: Question = { ...NOTHING, picture: { url: "http://10.0.0.1/x.jpg" } };
const FILE: Question = { ...NOTHING, picture: { dataUrl: "data:,", name: "mine.jpg" } };
const REGION = { image: "http://img.example/1", x: 0, y: 0, width: 9, height: 9 };
const PART: Question = { ...NOTHING, region: REGION };

beforeEach(() => startLanguage("de"));
afterEach(() => vi.unstubAllGlobals());

/** What is told where the service answers so. */
async function toldOf(
  question: Question,
  status: number,
  said: string,
  headers: Record<string, string> = {},
) {
  const all = { "Content-Type": "text/plain; charset=utf-8", ...headers };
  vi.stubGlobal("fetch", async () => new Response(said, { status, headers: all }));
  const error = await postForm("sparql", new URLSearchParams(), "*/*").catch((it: unknown) => it);
  return told(error, question);
}

describe("what visitors are told of a failure", () => {
  it("is why a picture is none, and nothing of a query", async () => {
    const said =
      "MALFORMED QUERY: clip:queryURL of the clip:Request ?request gives no image: http://10.0.0.1/ is private\n";
    const kind = { "Clip-Error": "no-image" };
    const detail = "http://10.0.0.1/ is private";
    expect(await toldOf(URL_, 400, said, kind)).toEqual({ sentence: de["noImage.url"], detail });
    expect(await toldOf(FILE, 400, said, kind)).toEqual({ sentence: de["noImage.file"], detail });
    expect(await toldOf(PART, 400, said, kind)).toEqual({ sentence: de["noImage.part"], detail });
  });

  it.each([
    ["busy", 503, { "Retry-After": "5" }],
    ["busy", 429, {}],
    ["notReady", 503, {}],
    ["tooMuch", 500, { "Clip-Error": "too-much" }],
    ["tooLarge", 413, {}],
    ["slow", 408, {}],
    ["refused", 400, {}],
    ["refused", 400, { "Clip-Error": "something-new" }],
  ] as const)("is %s with %i and %o", async (key, status, headers) => {
    const detail = "what the service says";
    expect(await toldOf(TEXT, status, detail, { ...headers })).toEqual({
      sentence: de[key],
      detail,
    });
  });

  it("is nothing of a query where the words cancel each other", async () => {
    const kind = { "Clip-Error": "opposed" };
    const said = "the inputs of the clip:Request ?request cancel each other";
    const sentence = de.opposed;
    expect(await toldOf(TEXT, 400, said, kind)).toEqual({ sentence, detail: null });
  });

  it("is the status alone where a proxy answers", async () => {
    const headers = { "Content-Type": "text/html" };
    expect(await toldOf(TEXT, 502, "<h1>Bad Gateway</h1>", headers)).toEqual({
      sentence: expect.stringContaining("Status 502"),
      detail: null,
    });
  });

  it("is in the language of the page where nothing answers, or nothing that can be read", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("offline")));
    const error = await postForm("sparql", new URLSearchParams(), "*/*").catch((it: unknown) => it);
    expect(told(error, TEXT)).toEqual({
      sentence: expect.stringContaining("nicht erreichbar"),
      detail: null,
    });
    expect(told(new TypeError("bug"), TEXT).sentence).toContain("nicht lesbar");
    expect(told(new RangeError("not an IRI: x y"), TEXT)).toEqual({
      sentence: de.refused,
      detail: "not an IRI: x y",
    });
  });

  it.each(Object.entries({ de, fr, it: itMessages }))("has its words in %s", (_, table) => {
    expect(Object.keys(table)).toEqual(Object.keys(en));
    for (const [key, message] of Object.entries(table)) {
      expect(message).not.toBe(en[key as keyof typeof en]);
    }
  });
});
