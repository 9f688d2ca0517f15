import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { startLanguage } from "../../common/i18n";
import { ServiceError } from "../../common/service";
import { ask, type Question } from "./ask";

const question = (part: Partial<Question> = {}): Question => ({
  root: "",
  query: "ASK {}",
  accept: "text/csv",
  signal: new AbortController().signal,
  ...part,
});

/** Answers the next request with these pieces, and then ends or breaks. */
function answering(pieces: string[], broken?: Error) {
  const bytes = pieces.map((piece) => new TextEncoder().encode(piece));
  const body = new ReadableStream({
    pull(stream) {
      const next = bytes.shift();
      if (next) {
        stream.enqueue(next);
      } else if (broken) {
        stream.error(broken);
      } else {
        stream.close();
      }
    },
  });
  const headers = { "Content-Type": "text/csv; charset=utf-8" };
  const fetched = vi.fn(async (..._: unknown[]) => new Response(body, { headers }));
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

beforeAll(() => startLanguage("en"));

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("ask", () => {
  it("posts the query and gives the whole answer", async () => {
    const fetched = answering(["a,b\r\n", "1,2\r\n"]);
    const seen: number[] = [];
    const received = await ask(question({ isExplain: true, onBytes: (n) => seen.push(n) }));
    expect(received).toEqual({ text: "a,b\r\n1,2\r\n", contentType: "text/csv; charset=utf-8" });
    expect(seen).toEqual([5, 10]);
    const [url, request] = fetched.mock.calls[0] as [string, RequestInit];
    expect(url).toBe("sparql");
    expect(`${request.body}`).toBe("query=ASK+%7B%7D&explain=true");
  });

  it("puts characters together that come in two pieces", async () => {
    const [first, second] = [new Uint8Array([0xc3]), new Uint8Array([0xbc])];
    const body = new ReadableStream({
      start(stream) {
        stream.enqueue(first);
        stream.enqueue(second);
        stream.close();
      },
    });
    vi.stubGlobal("fetch", async () => new Response(body));
    expect((await ask(question())).text).toBe("ü");
  });

  it("calls an answer incomplete whose connection is cut", async () => {
    answering(["a,b\r\n"], new TypeError("network error"));
    const failed = await ask(question()).catch((error) => error);
    expect(failed).toBeInstanceOf(ServiceError);
    expect(failed.sentence).toContain("incomplete");
  });

  it("says that it was cancelled when it was", async () => {
    const abort = new AbortController();
    answering(["a,b\r\n"], new DOMException("stopped", "AbortError"));
    abort.abort();
    const failed = await ask(question({ signal: abort.signal })).catch((error) => error);
    expect(failed.name).toBe("AbortError");
  });
});
