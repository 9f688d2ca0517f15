// What the end-to-end tests share: a browser, pages of the service at CLIP_URL, what axe finds.
import { strict as assert } from "node:assert";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after } from "node:test";
import { chromium } from "playwright-core";

/** Root of the service, with "/" at its end. */
export const CLIP_URL = new URL(process.env.CLIP_URL ?? "http://127.0.0.1:5000").href;
export const LANGUAGES = ["en", "de", "fr", "it"];
export const THEMES = ["light", "dark"];

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** Shared machines are slow now and then. */
const TIMEOUT_MS = 20_000;
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const MISSING = /^Failed to load resource|attempting to load TileSource/;

let browser;

/** Closes the browser after the tests of a file; the first of them starts it. */
export function withBrowser() {
  after(() => browser?.close());
}

/**
 * Runs `test` with a page at `path` of the service, and fails also where the page reported an error, broke its
 * security policy or called another host than the service's own.
 */
export async function onPage(path, options, test) {
  browser ??= await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  });
  const context = await browser.newContext({
    locale: "en",
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  context.setDefaultTimeout(TIMEOUT_MS);
  const page = await context.newPage();
  const problems = watched(page);
  try {
    await page.goto(new URL(path, CLIP_URL).href);
    await test(page, context);
    assert.deepEqual(problems, [], "the page reported problems");
  } finally {
    // An answer that a test holds up may still be on its way.
    await page.unrouteAll({ behavior: "ignoreErrors" });
    await context.close();
  }
}

/** The page shows the answer to its question. */
export async function answered(page) {
  await page.locator(".grid[aria-busy=false] li").first().waitFor();
}

/** Types `text` into the box and sends it. */
export async function searchFor(page, text) {
  await page.getByRole("searchbox").fill(text);
  await page.getByRole("searchbox").press("Enter");
  await page.waitForURL((url) => url.searchParams.get("q") === text);
  await answered(page);
}

/** IIIF URLs of the hits that are shown, in their order. */
export function images(page) {
  return page.locator(".grid a").evaluateAll((links) => links.map((link) => link.dataset.image));
}

/** Waits until the hits differ from `before`, and gives them. */
export async function otherImages(page, before) {
  await page.waitForFunction((old) => {
    const now = [...document.querySelectorAll(".grid a")].map((link) => link.dataset.image);
    const isBusy = document.querySelector(".grid")?.getAttribute("aria-busy") === "true";
    return !isBusy && now.length > 0 && JSON.stringify(now) !== old;
  }, JSON.stringify(before));
  return images(page);
}

/** Opens the hit at `index` and waits for its picture; gives the dialog. */
export async function opened(page, index = 0) {
  await page.locator(".grid a").nth(index).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator(".region-start").waitFor();
  return dialog;
}

/** Fails with what axe finds on the page. The page needs a context with `bypassCSP`. */
export async function accessible(page, state) {
  await page.evaluate(AXE);
  const { violations, passes } = await page.evaluate(() =>
    window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  const findings = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("\n  ")}`,
  );
  assert.ok(passes.length > 10, "axe looked at the page");
  assert.deepEqual(findings, [], `axe on ${state}`);
}

/** The element that has the focus, as the text that a reader says. */
export function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute("aria-label") ?? element?.textContent ?? "";
  });
}

/** Presses `key`, again where the page was too busy to hear it, until the focus is on what has a name that begins so. */
export async function pressTo(page, key, name) {
  const deadline = Date.now() + TIMEOUT_MS;
  do {
    await page.keyboard.press(key);
    for (let n = 0; n < 20 && !(await focused(page)).startsWith(name); n += 1) {
      await page.waitForTimeout(50);
    }
  } while (!(await focused(page)).startsWith(name) && Date.now() < deadline);
  assert.ok((await focused(page)).startsWith(name), `${key} leads to ${name}`);
}

function watched(page) {
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    // What a server does not have (pictures, /images, an image service) is no mistake of the page.
    if (message.type() === "error" && !MISSING.test(message.text())) {
      problems.push(message.text());
    }
  });
  page.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== new URL(CLIP_URL).hostname) {
      problems.push(`request to ${request.url()}`);
    }
  });
  return problems;
}
