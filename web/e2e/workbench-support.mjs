// What the tests of the workbench share: a browser, the page, its editor, and the queries that they ask.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);

/** Where the service answers with the demo collection. */
export const SERVICE = (process.env.CLIP_URL ?? "http://127.0.0.1:5000").replace(/\/$/, "");

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

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  });
}

/** A page of its own, with `query` in the address; `options` are those of a browser context. */
export async function openWorkbench(browser, { query, view, isRun, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const parts = [
    query && `query=${encodeURIComponent(query)}`,
    view && `view=${view}`,
    isRun && "run=true",
  ].filter(Boolean);
  await page.goto(`${SERVICE}/sparql${parts.length > 0 ? `#${parts.join("&")}` : ""}`);
  await page.locator(".cm-content").waitFor();
  return page;
}

export function editorText(page) {
  return page
    .locator(".cm-line")
    .allInnerTexts()
    .then((lines) => lines.join("\n"));
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

/** What axe-core finds; it is put in past the page's policy, which would not let it run. */
export async function accessible(page, state) {
  const source = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document));
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join(" ")}`);
  assert.deepEqual(found, [], state);
}
