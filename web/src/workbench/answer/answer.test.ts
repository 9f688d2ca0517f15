import { expect, it } from "vitest";
import { readAnswer } from "./answer";

const RESULTS = "application/sparql-results+json";

it("reads tables", () => {
  const text =
    '{"head":{"vars":["a"]},"results":{"bindings":[{"a":{"type":"uri","value":"http://a"}},{}]}}';
  expect(readAnswer(text, `${RESULTS}; charset=utf-8`)).toEqual({
    kind: "table",
    text,
    variables: ["a"],
    rows: [{ a: { type: "uri", value: "http://a" } }, {}],
  });
});

it.each([true, false])("reads %s", (value) => {
  expect(readAnswer(`{"head":{},"boolean":${value}}`, RESULTS)).toMatchObject({
    kind: "boolean",
    value,
  });
});

it("leaves graphs as they are", () => {
  expect(readAnswer("<a> <b> <c> .", "text/turtle")).toEqual({
    kind: "graph",
    text: "<a> <b> <c> .",
  });
});

it("does not take a cut answer for a whole one", () => {
  const cut = '{"head":{"vars":["a"]},"results":{"bindings":[{"a":{"type":"uri"';
  expect(() => readAnswer(cut, RESULTS)).toThrow(SyntaxError);
});
