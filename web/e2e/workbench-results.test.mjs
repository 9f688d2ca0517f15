// Answers in the workbench: the views, and what can be taken away.
import { strict as assert } from "node:assert";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { withBrowser } from "./support.mjs";
import { editorText, onWorkbench, QUERIES, replaceText, run, tab } from "./workbench-support.mjs";

withBrowser();

test("the table has pictures in cells that are images", () =>
  onWorkbench({ query: QUERIES.pictures }, async (page) => {
    await run(page);
    assert.equal(await page.locator("tbody tr").count(), 12);
    const picture = page.locator("tbody .thumbnail img").first();
    await picture.waitFor();
    await page.waitForFunction(
      (image) => image.complete && image.naturalWidth > 0,
      await picture.elementHandle(),
    );
  }));

test("the gallery has scores, and the address remembers it", () =>
  onWorkbench({ query: QUERIES.pictures }, async (page) => {
    await run(page);
    await tab(page, "gallery").click();
    assert.equal(await page.locator(".gallery figure").count(), 12);
    const scores = await page.locator(".gallery .score").allInnerTexts();
    assert.deepEqual(
      scores.map(Number),
      scores.map(Number).sort((a, b) => b - a),
    );
    await page.waitForFunction(() => location.hash.includes("view=gallery"));
    await page.reload();
    await run(page);
    assert.equal(await tab(page, "gallery").getAttribute("aria-selected"), "true");
  }));

test("the chart draws a number per label, as a table", () =>
  onWorkbench({ query: QUERIES.counts }, async (page) => {
    await run(page);
    await tab(page, "chart").click();
    const rows = page.locator(".chart tbody tr");
    const lengths = await rows
      .locator(".bar")
      .evaluateAll((bars) => bars.map((b) => b.offsetWidth));
    const numbers = await rows.locator(".bar-number").allInnerTexts();
    assert.ok(lengths.length > 1);
    assert.ok(lengths[0] > 100);
    const ratio = Number(numbers.at(-1)) / Number(numbers[0]);
    assert.ok(Math.abs(lengths.at(-1) / lengths[0] - ratio) < 0.02);
  }));

test("yes or no, nothing, and graphs are shown as what they are", () =>
  onWorkbench({ query: QUERIES.ask }, async (page) => {
    await run(page);
    await page.getByText("Yes", { exact: true }).waitFor();
    await replaceText(page, QUERIES.nothing);
    await run(page);
    await page.getByText(/Nothing fits/).waitFor();
    await replaceText(page, QUERIES.graph);
    await run(page);
    assert.match(await page.locator(".view-text pre").textContent(), /<.+> .+/);
  }));

test("the plan is a tree of times and counts", () =>
  onWorkbench({ query: QUERIES.pictures }, async (page) => {
    await page.getByRole("button", { name: "Explain" }).click();
    await page.locator(".plan").waitFor();
    const text = await page.locator(".plan").textContent();
    assert.match(text, /Request 1 \?request/);
    assert.match(text, /search first|candidates first/);
    assert.match(text, /\d+ images scored/);
    assert.equal(await page.locator(".plan-stages tr").count(), 6);
  }));

test("long tables are drawn as they are scrolled to", () =>
  onWorkbench({ query: QUERIES.many }, async (page) => {
    await run(page);
    assert.match(await page.locator(".status-line").textContent(), /20,000 rows/);
    // At first only what fills the view, so that it is there at once.
    assert.equal(await page.locator("tbody").count(), 1);
    assert.ok((await page.locator("tbody tr").count()) <= 100);
    const scroller = page.locator(".table-scroller");
    for (let end = 0; end < 10; end += 1) {
      await scroller.evaluate((element) => element.scrollTo(0, element.scrollHeight));
      await page.waitForTimeout(200);
    }
    const blocks = await page.locator("tbody").count();
    assert.ok(blocks > 12, `${blocks} blocks`);
    assert.ok((await page.locator("tbody tr").count()) < 1500);
    await scroller.evaluate((element) => element.scrollTo(0, 0));
    await page.locator("tbody tr").first().getByText("1", { exact: true }).waitFor();
  }));

/** Texts of the column at `index`, as they stand in the table. */
function column(page, index) {
  return page.locator(`tbody td:nth-child(${index + 2})`).allInnerTexts();
}

test("columns sort by click and by key, and the third time give the answer's order back", () =>
  onWorkbench({ query: QUERIES.counts }, async (page) => {
    await run(page);
    const [artists, counts] = [await column(page, 0), await column(page, 1)];
    const heads = page.locator("thead th");
    const sorted = (index, direction) =>
      heads
        .nth(index + 1)
        .and(page.locator(`[aria-sort=${direction}]`))
        .waitFor();
    await heads.nth(2).getByRole("button").click();
    await sorted(1, "ascending");
    const up = (await column(page, 1)).map(Number);
    assert.deepEqual(
      up,
      counts.map(Number).sort((a, b) => a - b),
    );
    await page.getByText("Sorted by pictures, ascending.").waitFor();
    await page.keyboard.press("Enter");
    await sorted(1, "descending");
    await page.keyboard.press("Space");
    await page.locator("[aria-sort]").waitFor({ state: "detached" });
    assert.deepEqual(await column(page, 0), artists);
    await heads.nth(1).getByRole("button").click();
    await sorted(0, "ascending");
    assert.deepEqual(await column(page, 0), artists.toSorted(new Intl.Collator("en").compare));
    assert.equal(await page.locator("[aria-sort]").count(), 1);
  }));

test("what a LIMIT keeps from coming is said not to be sorted", () =>
  onWorkbench({ query: `${QUERIES.counts} LIMIT 5` }, async (page) => {
    await run(page);
    await page.getByRole("button", { name: "artist" }).click();
    await page.getByText(/Only the 5 rows that came are sorted.*ORDER BY/).waitFor();
  }));

test("mistakes are told in words, and marked at their place", () =>
  onWorkbench({}, async (page) => {
    for (const [query, sentence, marked] of [
      ["SELECT * { ?s ?p ?o } LIMT 3", /LIMT is no word of SPARQL; did you mean LIMIT\?/, "LIMT"],
      ["SELECT * { ?s a dct:x }", /write PREFIX dct: <http:\/\/purl.org\/dc\/terms\/>/, "dct:x"],
      [
        "SELECT * {\n  ?s ?p ?o\n  ?s ?q ?o }",
        /line 3, column 3: before the variable \?s a sign/,
        "?s",
      ],
    ]) {
      await replaceText(page, query);
      await run(page);
      await page.locator(".alert").getByText(sentence).waitFor();
      await page.getByRole("button", { name: "Go to the place" }).click();
      await page.waitForFunction((text) => getSelection()?.toString() === text, marked);
    }
  }));

const FORMATS = {
  pictures: {
    JSON: /^\{"head"/,
    XML: /^<\?xml/,
    CSV: /^image,score\r\n/,
    TSV: /^\?image\t\?score/,
  },
  ask: { JSON: /"boolean":\s*true/, XML: /<boolean>true/, CSV: /true/, TSV: /true/ },
  graph: {
    Turtle: /<.+> .+/,
    "N-Triples": / \.\n/,
    "RDF/XML": /<rdf:RDF/,
    "JSON-LD": /^\s*[[{]/,
    TriG: /<.+> .+/,
    "N-Quads": / \.\n/,
  },
};
for (const [name, formats] of Object.entries(FORMATS)) {
  test(`${name} in every format`, () =>
    onWorkbench({ query: QUERIES[name], acceptDownloads: true }, async (page) => {
      for (const [format, expected] of Object.entries(formats)) {
        await page.getByRole("button", { name: "Download" }).click();
        const waiting = page.waitForEvent("download");
        await page.locator(".downloads").getByRole("button", { name: format, exact: true }).click();
        const download = await waiting;
        assert.match(await readFile(await download.path(), "utf8"), expected, format);
      }
    }));
}

test("a link shows the same answer in the same view", () => {
  const permissions = ["clipboard-read", "clipboard-write"];
  return onWorkbench({ query: QUERIES.pictures, permissions }, async (page) => {
    await run(page);
    await tab(page, "gallery").click();
    await page.getByRole("button", { name: "Copy link" }).click();
    await page.getByText("Copied").waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const other = await page.context().newPage();
    await other.goto(link);
    await other.locator(".gallery figure").first().waitFor();
    assert.equal(await editorText(other), QUERIES.pictures);
    await page.getByRole("button", { name: "Copy as curl" }).click();
    await page.waitForFunction(async () =>
      (await navigator.clipboard.readText()).startsWith("curl"),
    );
    const command = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(command, /^curl 'http.*\/sparql' \\\n/);
    assert.match(command, /--data-urlencode 'query=SELECT/);
  });
});
