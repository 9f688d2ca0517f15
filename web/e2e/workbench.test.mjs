// Queries in the workbench: written, completed, run, cancelled, and what is said of mistakes.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { onPage, withBrowser } from "./support.mjs";
import {
  editorText,
  onWorkbench,
  outcome,
  QUERIES,
  replaceText,
  run,
  tab,
  workbenchUrl,
} from "./workbench-support.mjs";

withBrowser();

test("an example is chosen and run", () =>
  onWorkbench({}, async (page) => {
    await page.getByRole("button", { name: "Examples" }).click();
    const example = page.locator("button.example").nth(1);
    assert.notEqual((await example.locator("span").textContent()).trim(), "");
    await example.click();
    const text = await editorText(page);
    assert.match(text, /SELECT/);
    await run(page);
    assert.match(await page.locator(".status-line").textContent(), /\d+ rows? in [\d.]+ sec/);
  }));

test("a text field works before the editor has come, and without it", () =>
  onPage("about:blank", {}, async (page) => {
    const held = [];
    await page.route(/chunk-.*\.js$/, async (route) => {
      const response = await route.fetch();
      const body = await response.text();
      return body.includes("cm-content") ? held.push(route) : route.fulfill({ response, body });
    });
    await page.goto(workbenchUrl({}));
    await page.locator("textarea").fill(QUERIES.ask);
    await page.keyboard.press("Control+Enter");
    await page.getByText("Yes", { exact: true }).waitFor();
    // The answer may come before the editor does.
    for (let tries = 0; held.length === 0 && tries < 200; tries++) {
      await page.waitForTimeout(50);
    }
    assert.equal(held.length, 1);
    await held[0].abort();
    assert.ok(await page.locator("textarea").isVisible());
  }));

test("an endless query is cancelled, and the service answers the next one", () =>
  onWorkbench({ query: QUERIES.endless }, async (page) => {
    await page.locator("button.run").click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText(/Cancelled after/).waitFor();
    await replaceText(page, QUERIES.ask);
    await run(page);
    await page.getByText("Yes", { exact: true }).waitFor();
  }));

test("a mistake is marked at its place and said in a sentence", () =>
  onWorkbench({ query: "SELECT ?x WHERE { ?x a ?y } LIMIT lots" }, async (page) => {
    await run(page);
    assert.match(await page.getByRole("alert").first().textContent(), /not SPARQL at line 1/);
    const mark = page.locator(".cm-lintRange-error");
    await mark.waitFor();
    const marked = await mark.textContent();
    assert.match(marked, /LIMIT|lots/);
    await page.getByRole("button", { name: "Go to the place" }).click();
    const selected = await page.evaluate(
      () => `${document.querySelector(".code").shadowRoot.getSelection()}`,
    );
    assert.equal(selected, marked);
  }));

test("a missing prefix is marked where it is used, and put in", () => {
  const query = "SELECT ?o WHERE {\n  ?s ?p ?o .\n  ?s crm:P2_has_type ?t\n} LIMIT 3";
  return onWorkbench({ query }, async (page) => {
    await run(page);
    assert.equal(await page.locator(".cm-lintRange-error").textContent(), "crm:P2_has_type");
    await page.getByRole("button", { name: /Add PREFIX crm:/ }).click();
    await outcome(page);
    assert.match(
      await editorText(page),
      /^PREFIX crm: <http:\/\/www\.cidoc-crm\.org\/cidoc-crm\/>/,
    );
    await tab(page, "table").waitFor();
  });
});

test("a mistake in a request is marked at its term", () => {
  const query =
    'SELECT * {\n ?r a clip:Request ; clip:queryString "x" ; clip:minScore "high" ; clip:iiifUrl ?i }';
  return onWorkbench({ query }, async (page) => {
    await run(page);
    assert.equal(await page.locator(".cm-lintRange-error").textContent(), "clip:minScore");
  });
});

test("a service that cannot be reached says so", () =>
  onWorkbench({ query: QUERIES.ask }, async (page) => {
    await page.context().setOffline(true);
    await run(page);
    assert.match(await page.getByRole("alert").first().textContent(), /cannot be reached/);
  }));

test("an answer that breaks off is told as incomplete, and not shown", () =>
  onWorkbench({ query: QUERIES.pictures }, async (page) => {
    await page.route("**/sparql", async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      await route.fulfill({ response, body: body.subarray(0, body.length / 2) });
    });
    await run(page);
    assert.match(await page.getByRole("alert").first().textContent(), /incomplete/);
    assert.equal(await page.locator(".results").count(), 0);
  }));

test("a clip: term is completed by keyboard, with its comment", () =>
  onWorkbench({ query: "ASK { ?r  }" }, async (page) => {
    await page.locator(".cm-content").focus();
    await page.keyboard.press("Control+End");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.type("clip:queryS");
    const chosen = page.locator(".cm-tooltip-autocomplete [aria-selected]");
    await chosen.waitFor();
    assert.equal(await chosen.textContent(), "clip:queryString");
    assert.match(await page.locator(".cm-completionInfo").textContent(), /in words/);
    // What has only just been shown is not taken, in case that the key was meant for something else.
    await page.waitForTimeout(200);
    await page.keyboard.press("Enter");
    assert.equal(await editorText(page), "ASK { ?r clip:queryString }");
  }));

test("a predicate of the store comes with its count and the PREFIX line", () =>
  onWorkbench({ query: "" }, async (page) => {
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
  }));
