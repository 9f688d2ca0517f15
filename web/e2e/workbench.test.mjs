// The workbench in Chromium, with a service that has the demo collection.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import {
  accessible,
  editorText,
  launch,
  openWorkbench,
  outcome,
  QUERIES,
  replaceText,
  run,
  SERVICE,
  tab,
} from "./workbench-support.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

describe("queries", () => {
  test("an example is chosen and run", async () => {
    const page = await openWorkbench(browser);
    await page.getByRole("button", { name: "Examples" }).click();
    const example = page.locator("button.example").nth(1);
    assert.notEqual((await example.locator("span").textContent()).trim(), "");
    await example.click();
    const text = await editorText(page);
    assert.match(text, /SELECT/);
    await run(page);
    assert.match(await page.locator(".status-line").textContent(), /\d+ rows? in [\d.]+ sec/);
    await page.context().close();
  });

  test("a text field works before the editor has come, and without it", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const editor = /chunk-.*\.js$/;
    const held = [];
    await page.route(editor, async (route) => {
      const response = await route.fetch();
      const body = await response.text();
      return body.length > 200_000 ? held.push(route) : route.fulfill({ response, body });
    });
    await page.goto(`${SERVICE}/sparql`);
    await page.locator("textarea").fill(QUERIES.ask);
    await page.keyboard.press("Control+Enter");
    await page.getByText("Yes", { exact: true }).waitFor();
    assert.equal(held.length, 1);
    await held[0].abort();
    assert.ok(await page.locator("textarea").isVisible());
    await context.close();
  });

  test("an endless query is cancelled, and the service answers the next one", async () => {
    const page = await openWorkbench(browser, { query: QUERIES.endless });
    await page.locator("button.run").click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText(/Cancelled after/).waitFor();
    await replaceText(page, QUERIES.ask);
    await run(page);
    await page.getByText("Yes", { exact: true }).waitFor();
    await page.context().close();
  });

  test("a mistake is marked at its place and said in a sentence", async () => {
    const page = await openWorkbench(browser, { query: "SELECT ?x WHERE { ?x a ?y } LIMIT lots" });
    await run(page);
    assert.match(await page.getByRole("alert").first().textContent(), /not SPARQL near line 1/);
    const mark = page.locator(".cm-lintRange-error");
    await mark.waitFor();
    const marked = await mark.textContent();
    assert.match(marked, /LIMIT|lots/);
    await page.getByRole("button", { name: "Go to the place" }).click();
    await page.keyboard.insertText("x");
    assert.equal(
      await editorText(page),
      "SELECT ?x WHERE { ?x a ?y } LIMIT lots".replace(marked, "x"),
    );
    await page.context().close();
  });

  test("a missing prefix is marked where it is used, and put in", async () => {
    const query = "SELECT ?o WHERE {\n  ?s ?p ?o .\n  ?s crm:P2_has_type ?t\n} LIMIT 3";
    const page = await openWorkbench(browser, { query });
    await run(page);
    assert.equal(await page.locator(".cm-lintRange-error").textContent(), "crm:P2_has_type");
    await page.getByRole("button", { name: /Add PREFIX crm:/ }).click();
    await outcome(page);
    assert.match(
      await editorText(page),
      /^PREFIX crm: <http:\/\/www\.cidoc-crm\.org\/cidoc-crm\/>/,
    );
    await tab(page, "table").waitFor();
    await page.context().close();
  });

  test("a mistake in a request is marked at its term", async () => {
    const query =
      'SELECT * {\n ?r a clip:Request ; clip:queryString "x" ; clip:minScore "high" ; clip:iiifUrl ?i }';
    const page = await openWorkbench(browser, { query });
    await run(page);
    assert.equal(await page.locator(".cm-lintRange-error").textContent(), "clip:minScore");
    await page.context().close();
  });

  test("a service that cannot be reached says so", async () => {
    const page = await openWorkbench(browser, { query: QUERIES.ask });
    await page.context().setOffline(true);
    await run(page);
    assert.match(await page.getByRole("alert").first().textContent(), /cannot be reached/);
    await page.context().close();
  });

  test("an answer that breaks off is told as incomplete, and not shown", async () => {
    const page = await openWorkbench(browser, { query: QUERIES.pictures });
    await page.route("**/sparql", async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      await route.fulfill({ response, body: body.subarray(0, body.length / 2) });
    });
    await run(page);
    assert.match(await page.getByRole("alert").first().textContent(), /incomplete/);
    assert.equal(await page.locator(".results").count(), 0);
    await page.context().close();
  });
});

describe("completion", () => {
  test("a clip: term is completed by keyboard, with its comment", async () => {
    const page = await openWorkbench(browser, { query: "ASK { ?r  }" });
    await page.locator(".cm-content").focus();
    await page.keyboard.press("Control+End");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.type("clip:queryS");
    const chosen = page.locator(".cm-tooltip-autocomplete [aria-selected]");
    await chosen.waitFor();
    assert.equal(await chosen.textContent(), "clip:queryString");
    assert.match(await page.locator(".cm-completionInfo").textContent(), /in words/);
    await page.keyboard.press("Enter");
    assert.equal(await editorText(page), "ASK { ?r clip:queryString }");
    await page.context().close();
  });

  test("a predicate of the store comes with its count and the PREFIX line", async () => {
    const page = await openWorkbench(browser, { query: "" });
    await page.waitForTimeout(1500);
    await replaceText(page, "ASK { ?s ");
    await page.keyboard.type("carried");
    const chosen = page.locator(".cm-tooltip-autocomplete [aria-selected]");
    await chosen.waitFor();
    assert.match(await chosen.textContent(), /crm:P14_carried_out_by\s*\d/);
    // What has only just been shown is not taken, in case that the key was meant for something else.
    await page.waitForTimeout(200);
    await page.keyboard.press("Tab");
    const text = await editorText(page);
    assert.match(
      text,
      /^PREFIX crm: <http:\/\/www\.cidoc-crm\.org\/cidoc-crm\/>\nASK \{ \?s crm:P14_carried_out_by/,
    );
    await page.context().close();
  });
});

describe("views", () => {
  test("the table has pictures in cells that are images", async () => {
    const page = await openWorkbench(browser, { query: QUERIES.pictures });
    await run(page);
    assert.equal(await page.locator("tbody tr").count(), 12);
    const picture = page.locator("tbody .thumbnail img").first();
    await picture.waitFor();
    await page.waitForFunction(
      (image) => image.complete && image.naturalWidth > 0,
      await picture.elementHandle(),
    );
    await page.context().close();
  });

  test("the gallery has scores, and the address remembers it", async () => {
    const page = await openWorkbench(browser, { query: QUERIES.pictures });
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
    await page.context().close();
  });

  test("the chart draws a number per label, as a table", async () => {
    const page = await openWorkbench(browser, { query: QUERIES.counts });
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
    await page.context().close();
  });

  test("yes or no, nothing, and graphs are shown as what they are", async () => {
    const page = await openWorkbench(browser, { query: QUERIES.ask });
    await run(page);
    await page.getByText("Yes", { exact: true }).waitFor();
    await replaceText(page, QUERIES.nothing);
    await run(page);
    await page.getByText(/Nothing fits/).waitFor();
    await replaceText(page, QUERIES.graph);
    await run(page);
    assert.match(await page.locator(".view-text pre").textContent(), /<.+> .+/);
    await page.context().close();
  });

  test("the plan is a tree of times and counts", async () => {
    const page = await openWorkbench(browser, { query: QUERIES.pictures });
    await page.getByRole("button", { name: "Explain" }).click();
    await page.locator(".plan").waitFor();
    const text = await page.locator(".plan").textContent();
    assert.match(text, /Request 1 \?request/);
    assert.match(text, /search first|candidates first/);
    assert.match(text, /\d+ images scored/);
    assert.equal(await page.locator(".plan-stages tr").count(), 6);
    await page.context().close();
  });

  test("long tables are drawn as they are scrolled to", async () => {
    const page = await openWorkbench(browser, { query: QUERIES.many });
    await run(page);
    assert.match(await page.locator(".status-line").textContent(), /20,000 rows/);
    assert.equal(await page.locator("tbody").count(), 5);
    assert.ok((await page.locator("tbody tr").count()) <= 500);
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
    await page.context().close();
  });
});

describe("taking away", () => {
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
    test(`${name} in every format`, async () => {
      const page = await openWorkbench(browser, { query: QUERIES[name], acceptDownloads: true });
      for (const [format, expected] of Object.entries(formats)) {
        await page.getByRole("button", { name: "Download" }).click();
        const waiting = page.waitForEvent("download");
        await page.locator(".downloads").getByRole("button", { name: format, exact: true }).click();
        const download = await waiting;
        assert.match(await readFile(await download.path(), "utf8"), expected, format);
      }
      await page.context().close();
    });
  }

  test("a link shows the same answer in the same view", async () => {
    const permissions = ["clipboard-read", "clipboard-write"];
    const page = await openWorkbench(browser, { query: QUERIES.pictures, permissions });
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
    await page.context().close();
  });
});

describe("everybody", () => {
  test("all of it works by keyboard", async () => {
    const page = await openWorkbench(browser);
    const press = async (...keys) => {
      for (const key of keys) {
        await page.keyboard.press(key);
      }
    };
    const focused = () =>
      page.evaluate(() => document.activeElement.textContent || document.activeElement.id);
    const tabTo = async (name) => {
      for (let n = 0; n < 25 && !(await focused()).startsWith(name); n += 1) {
        await press("Tab");
      }
      assert.ok((await focused()).startsWith(name), name);
    };
    await tabTo("Examples");
    await press("Enter", "Tab", "Enter");
    assert.ok((await focused()).startsWith("Examples"), "the menu gives the focus back");
    await page.locator(".cm-content").focus();
    await press("Control+A");
    await page.keyboard.insertText(QUERIES.pictures);
    await press("Control+Enter");
    await outcome(page);
    await press("Escape", "Tab");
    assert.equal(await focused(), "Run", "Escape, then Tab leaves the editor");
    await tabTo("Table");
    await press("ArrowRight");
    assert.equal(await focused(), "Gallery");
    await page.locator(".gallery").waitFor();
    await press("End");
    await page.locator(".view-text").waitFor();
    await press("Shift+Tab");
    await tabTo("Download");
    await press("Enter", "Tab");
    assert.equal(await focused(), "JSON");
    await press("Escape");
    assert.ok((await focused()).startsWith("Download"));
    await page.context().close();
  });

  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of [
      { width: 1280, height: 900 },
      { width: 360, height: 740 },
    ]) {
      test(`axe finds nothing: ${colorScheme}, ${viewport.width} pixels`, async () => {
        const options = { colorScheme, viewport, bypassCSP: true, query: QUERIES.pictures };
        const page = await openWorkbench(browser, options);
        await accessible(page, "at first");
        await page.getByRole("button", { name: "Examples" }).click();
        await accessible(page, "examples");
        await page.keyboard.press("Escape");
        await run(page);
        await page.locator("tbody .thumbnail").first().waitFor();
        for (const view of ["table", "gallery", "chart", "text"]) {
          if (await tab(page, view).count()) {
            await tab(page, view).click();
            await accessible(page, view);
          }
        }
        await page.getByRole("button", { name: "Explain" }).click();
        await page.locator(".plan").waitFor();
        await accessible(page, "plan");
        await replaceText(page, QUERIES.counts);
        await run(page);
        await tab(page, "chart").click();
        await accessible(page, "chart");
        await page.getByRole("button", { name: "Download" }).click();
        await accessible(page, "downloads");
        await replaceText(page, "SELECT ?x { ?x clip:");
        await page.keyboard.press("Control+Space");
        await page.locator(".cm-tooltip-autocomplete").waitFor();
        await accessible(page, "completion");
        await page.keyboard.press("Escape");
        await run(page);
        await accessible(page, "error");
        assert.ok(await page.evaluate(() => document.body.scrollWidth <= window.innerWidth));
        await page.context().close();
      });
    }
  }

  const WORDS = { en: "Run", de: "Ausführen", fr: "Exécuter", it: "Esegui" };
  for (const [language, word] of Object.entries(WORDS)) {
    test(`the page speaks ${language}, and others when they are chosen`, async () => {
      const page = await openWorkbench(browser, { locale: language, query: QUERIES.pictures });
      assert.equal(await page.locator("html").getAttribute("lang"), language);
      await run(page);
      await page.locator("button.run", { hasText: word }).waitFor();
      const other = language === "it" ? "fr" : "it";
      await page.locator(".language-switch").selectOption(other);
      await page.locator("button.run", { hasText: WORDS[other] }).waitFor();
      const label = await page.locator(".cm-content").getAttribute("aria-label");
      assert.ok(label.startsWith(other === "it" ? "Interrogazione" : "Requête"), label);
      await page.context().close();
    });
  }
});
