// What the tests of the workbench share: its page, its editor, and the queries that they ask.
import { CLIP_URL, onPage } from "./support.mjs";

const PREFIXES = `PREFIX crm: <http://www.cidoc-crm.org/cidoc-crm/>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
`;

export const QUERIES = {
  pictures: `SELECT ?image ?score WHERE {
  ?request a clip:Request ; clip:queryString "a ship at sea" ; clip:minScore -1 ; clip:limit 12 ;
           clip:iiifUrl ?image ; clip:score ?score .
} ORDER BY DESC(?score)`,
  counts: `${PREFIXES}SELECT ?artist (COUNT(*) AS ?pictures) WHERE {
  ?object crm:P108i_was_produced_by / crm:P14_carried_out_by / rdfs:label ?artist .
} GROUP BY ?artist ORDER BY DESC(?pictures)`,
  ask: "ASK { ?s ?p ?o }",
  graph: "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 5",
  nothing: "SELECT ?s WHERE { ?s <http://example.org/no-such-property> ?o }",
  /** More solutions than any service counts before somebody presses Cancel. */
  endless:
    "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l FILTER(STR(?c) < STR(?l)) }",
  many: "SELECT ?a ?b ?c WHERE { ?a ?b ?c . ?d ?e ?f } LIMIT 20000",
};

/** Address of the workbench with `query` in its editor. */
export function workbenchUrl({ query, view, isRun }) {
  const parts = [
    query && `query=${encodeURIComponent(query)}`,
    view && `view=${view}`,
    isRun && "run=true",
  ].filter(Boolean);
  return new URL(`sparql#${parts.join("&")}`, CLIP_URL).href;
}

/** Runs `test` with the workbench, whose editor has come; other `options` are those of a browser context. */
export function onWorkbench({ query, view, isRun, ...options }, test) {
  return onPage(workbenchUrl({ query, view, isRun }), options, async (page, context) => {
    await page.locator(".cm-content").waitFor();
    await test(page, context);
  });
}

export async function editorText(page) {
  // The editor comes later than the page.
  await page.locator(".cm-line").first().waitFor();
  const lines = await page.locator(".cm-line").allInnerTexts();
  return lines.join("\n");
}

/** Writes into the editor as a visitor does, but in one go. */
export async function replaceText(page, text) {
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(text);
}

export async function run(page) {
  await page.locator("button.run").click();
  await outcome(page);
}

/** Waits until the query has ended. */
export async function outcome(page) {
  await page.waitForFunction(() => {
    const said = document.querySelector(".status-line [role=status]")?.textContent ?? "";
    const isOver = !document.querySelector(".clock");
    return isOver && (said !== "" || document.querySelector(".alert") !== null);
  });
}

export function tab(page, view) {
  return page.locator(`#tab-${view}`);
}
