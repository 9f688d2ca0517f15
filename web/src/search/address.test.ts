import { describe, expect, it } from "vitest";
import { readAddress, writeAddress } from "./address";
import { NOTHING, type Question } from "./question";

const FACETS = ["maker", "period", "q"];
const A = "http://img.example/a,b;c%20d";

function check(question: Partial<Question>, open: string | null = null): string {
  const view = { question: { ...NOTHING, ...question }, open };
  const address = writeAddress(view);
  expect(readAddress(address, FACETS)).toEqual(view);
  return address;
}

describe("an address", () => {
  it.each<[string, Partial<Question>, string | null]>([
    ["nothing", {}, null],
    ["text", { text: 'Böcklin & "Meer" + 50% #1', not: "ship=boat" }, null],
    ["a URL", { picture: { url: "https://x.example/a.jpg?w=1&h=2#x" } }, null],
    ["pictures", { like: [A, "http://img.example/2"] }, A],
    ["a region", { region: { image: A, x: 0, y: 2, width: 30, height: 40 } }, null],
    ["a score", { minScore: 0 }, null],
    ["a negative score", { minScore: -0.25 }, null],
    ["years", { years: { from: -300, to: 1850 } }, null],
    [
      "choices",
      {
        chosen: {
          maker: [
            { type: "uri", value: "http://x.example/1#a" },
            { type: "literal", value: 'a "b" \\ c\n@en', "xml:lang": "de-CH" },
            { type: "literal", value: "5", datatype: "http://www.w3.org/2001/XMLSchema#integer" },
            { type: "literal", value: "<plain>" },
          ],
          q: [{ type: "literal", value: "named as a parameter of ours" }],
        },
      },
      null,
    ],
  ])("brings back %s", (_, question, open) => {
    check(question, open);
  });

  it("can be read by people", () => {
    expect(check({ text: "a lake", like: ["http://x.example/i/1"], minScore: 0.3 })).toBe(
      "?q=a+lake&like=http://x.example/i/1&min=0.3",
    );
    expect(check({})).toBe("");
  });

  it("does not hold a visitor's own file", () => {
    const question = {
      ...NOTHING,
      text: "x",
      picture: { dataUrl: "data:image/png;base64,AA", name: "me.png" },
    };
    expect(writeAddress({ question, open: null })).toBe("?q=x");
  });

  it.each([
    "?url=no+iri",
    "?like=x&like=http://x.example/%3E",
    "?region=http://x.example/a%23xywh=1,2,0,4",
    "?region=http://x.example/a",
    "?min=much&maker=none&period=1850..1800",
    "?min=2&min=&maker=%22open",
    "?period=a..b&other=1&open=%22",
  ])("%s asks nothing", (address) => {
    expect(readAddress(address, FACETS)).toEqual({ question: NOTHING, open: null });
  });
});
