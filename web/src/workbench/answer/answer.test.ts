import { expect, it } from "vitest";
import { readAnswer } from "./answer";

const RESULTS = "application/sparql-results+json";

const read = (text: string, type = RESULTS) => readAnswer(text, type);
const tableOf = (rows: string, head = '{"vars":["a","b"]}') =>
  `{"head":${head},"results":{"bindings":[${rows}]}}`;

it("reads tables", async () => {
  const text = tableOf('{"a":{"type":"uri","value":"http://a"}},{}');
  expect(await read(text, `${RESULTS}; charset=utf-8`)).toEqual({
    kind: "table",
    text,
    variables: ["a", "b"],
    rows: [{ a: { type: "uri", value: "http://a" } }, {}],
    columns: [
      { name: "a", isNumeric: false, tag: null, iris: ["http://a"] },
      { name: "b", isNumeric: false, tag: null, iris: [] },
    ],
  });
});

it.each([
  ["without rows", ""],
  ["with space", ' { } ,\n{ "a" : { "type" : "literal" , "value" : "x" } } '],
  [
    "with signs in texts",
    '{"a":{"type":"literal","value":"}},{\\"\\\\"}},{"b":{"type":"literal","value":"]}"}}',
  ],
  [
    "with triples",
    '{"a":{"type":"triple","value":{"subject":{"type":"uri","value":"s"},"predicate":{"type":"uri","value":"p"},"object":{"type":"uri","value":"o"}}}},{}',
  ],
])("reads tables %s as JSON has them", async (_, rows) => {
  const text = tableOf(rows);
  expect(await read(text)).toMatchObject({ rows: JSON.parse(text).results.bindings });
});

it("reads what others write in another order", async () => {
  const text = '{"results":{"bindings":[{},{}]},"head":{"vars":["a"]}}';
  expect(await read(text)).toMatchObject({ kind: "table", variables: ["a"], rows: [{}, {}] });
});

it("reads long tables row by row, and lets the page answer meanwhile", async () => {
  const value = (n: number) => ({ a: { type: "literal", value: `${n}${'{["'.repeat(50)}` } });
  const rows = Array.from({ length: 20_000 }, (_, n) => value(n));
  const text = JSON.stringify({ head: { vars: ["a"] }, results: { bindings: rows } });
  let n = 0;
  const timer = setInterval(() => {
    n += 1;
  }, 1);
  expect(await read(text)).toMatchObject({ rows });
  clearInterval(timer);
  expect(n).toBeGreaterThan(0);
});

it("stops when it is told to", async () => {
  const text = tableOf(
    Array.from({ length: 200_000 }, () => '{"a":{"type":"bnode","value":"b"}}').join(),
  );
  const stop = new AbortController();
  const reading = readAnswer(text, RESULTS, stop.signal);
  stop.abort();
  await expect(reading).rejects.toMatchObject({ name: "AbortError" });
});

it.each([true, false])("reads %s", async (value) => {
  expect(await read(`{"head":{},"boolean":${value}}`)).toMatchObject({ kind: "boolean", value });
});

it("leaves graphs as they are", async () => {
  expect(await read("<a> <b> <c> .", "text/turtle")).toEqual({
    kind: "graph",
    text: "<a> <b> <c> .",
  });
});

it.each([
  '{"head":{"vars":["a"]},"results":{"bindings":[{"a":{"type":"uri"',
  '{"head":{"vars":["a"]},"results":{"bindings":[{}',
  '{"head":{"vars":["a"]},"results":{"bindings":[{}]',
  '{"head":{"vars":["a"]},"results":{"bindings":[{}x]}}',
  '{"head":{"vars":["a"',
])("does not take a cut answer for a whole one: %s", async (cut) => {
  await expect(read(cut)).rejects.toBeInstanceOf(SyntaxError);
});
