import { expect, it } from "vitest";
import { curlCommand, quoted } from "./curl";

it.each([
  ["plain", "'plain'"],
  ["it's $HOME `x` \\", "'it'\\''s $HOME `x` \\'"],
])("quoted(%j)", (text, expected) => {
  expect(quoted(text)).toBe(expected);
});

it("is one command on several lines", () => {
  expect(curlCommand("http://a/sparql", 'ASK { ?s ?p "x" }\n', "text/csv")).toBe(
    `curl 'http://a/sparql' \\
  -H 'Accept: text/csv' \\
  --data-urlencode 'query=ASK { ?s ?p "x" }
'`,
  );
});
