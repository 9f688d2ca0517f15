// Comunica asks this service.
//
//     node comunica.mjs METADATA QUERY...
//
// Answers the queries in the files QUERY over the Turtle in METADATA. Prints a line for each answer: SPARQL
// results in JSON, or an object with an error.
import { readFileSync } from "node:fs";
import { QueryEngine } from "@comunica/query-sparql";
import { Parser, Store } from "n3";

const [metadata, ...files] = process.argv.slice(2);
const store = new Store(new Parser().parse(readFileSync(metadata, "utf8")));
const engine = new QueryEngine();

async function answer(query) {
  const result = await engine.query(query, { sources: [store] });
  const { data } = await engine.resultToString(result, "application/sparql-results+json");
  let text = "";
  for await (const part of data) text += part;
  return JSON.parse(text);
}

for (const file of files) {
  const line = await answer(readFileSync(file, "utf8")).catch((error) => ({ error: error.message }));
  console.log(JSON.stringify(line));
}
