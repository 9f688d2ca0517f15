import { afterEach, describe, expect, it, vi } from "vitest";
import { startLanguage } from "./i18n";
import { isAbort, ServiceError } from "./service";
import { select } from "./sparql";

afterEach(() => vi.unstubAllGlobals());

function answering(answer: () => Response | Promise<Response>) {
  const fetched = vi.fn((_url: string, _request: RequestInit) => Promise.resolve().then(answer));
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

async function failure(): Promise<ServiceError> {
  const error = await select("", "SELECT * {}").catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ServiceError);
  return error as ServiceError;
}

describe("select", () => {
  it("posts the query as a form and gives rows", async () => {
    const body = {
      head: { vars: ["x"] },
      results: { bindings: [{ x: { type: "uri", value: "u:1" } }] },
    };
    const fetched = answering(() => Response.json(body));
    const { names, rows } = await select<"x">("../", 'SELECT ?x { ?x a "é&=" }');
    expect(names).toEqual(["x"]);
    expect(rows[0]?.x).toEqual({ type: "uri", value: "u:1" });
    const [url, request] = fetched.mock.calls[0] ?? [];
    expect(url).toBe("../sparql");
    const form = request?.body as URLSearchParams | undefined;
    expect(form?.get("query")).toBe('SELECT ?x { ?x a "é&=" }');
  });

  it("gives the server's sentence of a refusal", async () => {
    answering(
      () =>
        new Response("MALFORMED QUERY: no.\n", {
          status: 400,
          headers: { "Content-Type": "text/plain" },
        }),
    );
    expect(await failure()).toMatchObject({ sentence: "MALFORMED QUERY: no.", status: 400 });
  });

  it("does not show a proxy's HTML", async () => {
    startLanguage("en");
    answering(
      () => new Response("<h1>502</h1>", { status: 502, headers: { "Content-Type": "text/html" } }),
    );
    const { sentence } = await failure();
    expect(sentence).toContain("status 502");
    expect(sentence).not.toContain("<");
  });

  it("says that the service cannot be reached", async () => {
    answering(() => Promise.reject(new TypeError("Failed to fetch")));
    expect(await failure()).toMatchObject({ status: null });
  });

  it("says that an answer is none", async () => {
    answering(() => new Response("no JSON", { status: 200 }));
    expect((await failure()).sentence).toContain("cannot be read");
    answering(() => Response.json({ boolean: true }));
    expect((await failure()).sentence).toContain("cannot be read");
  });

  it("passes on that it was stopped", async () => {
    answering(() => Promise.reject(new DOMException("stopped", "AbortError")));
    const error = await select("", "SELECT * {}").catch((e: unknown) => e);
    expect(isAbort(error)).toBe(true);
  });
});
