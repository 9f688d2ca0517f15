// Metadata of any kind and parts that do not come: the page stays whole, and says what is amiss.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  accessible,
  answered,
  focused,
  images,
  onPage,
  opened,
  otherImages,
  withBrowser,
} from "./support.mjs";
import { onWorkbench, run, tab } from "./workbench-support.mjs";

withBrowser();

const PHONE = { width: 360, height: 640 };
const SEARCH = "?q=a+ship+at+sea&min=0";
const WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk".repeat(6);

/** Goes to the hits of a search, about which the service tells `fields`. */
async function withFields(page, fields) {
  await page.route(/\/images$/, async (route) => {
    const response = await route.fetch();
    const { images: known } = await response.json();
    const told = known.map((image) => ({ ...image, fields }));
    await route.fulfill({ response, json: { images: told } });
  });
  await page.goto(new URL(SEARCH, page.url()).href);
  await answered(page);
}

test("metadata are texts, never markup, and scripts are no links", () =>
  onPage("./", {}, async (page) => {
    const script = "javascript:globalThis.isRun=true";
    await withFields(page, {
      title: [{ value: "<img src=x onerror=globalThis.isRun=true>" }],
      maker: [{ value: '"><svg onload=globalThis.isRun=true>' }],
      object: [{ value: script, isIri: true }],
      rights: [{ value: `<a href="${script}">all</a>` }],
    });
    const dialog = await opened(page);
    await dialog.getByRole("heading", { name: "<img src=x onerror" }).waitFor();
    await dialog.getByText(script, { exact: true }).click();
    assert.equal(
      await dialog.locator(`a[href^="javascript"], svg[onload], img[onerror]`).count(),
      0,
    );
    assert.equal(await page.evaluate(() => globalThis.isRun), undefined);
  }));

test("a word that is wider than a phone is broken, wherever it stands", () =>
  onPage("./", { viewport: PHONE }, async (page) => {
    const value = [{ value: WORD }];
    await withFields(page, { title: value, maker: value, rights: value, object: value });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    const dialog = await opened(page);
    const [wanted, given] = await dialog.evaluate((it) => [it.scrollWidth, it.clientWidth]);
    assert.ok(wanted <= given, `${wanted} pixels in ${given}`);
  }));

test("a title has its own language and direction, so that its beginning is seen", () =>
  onPage("./", { viewport: PHONE, bypassCSP: true }, async (page) => {
    const title = "سفينة في البحر عند الغروب، لوحة زيتية كبيرة (1850)";
    await withFields(page, { title: [{ value: title, language: "ar" }] });
    const caption = page.locator(".caption-title").first();
    assert.equal(await caption.getAttribute("lang"), "ar");
    assert.equal(await caption.evaluate((it) => getComputedStyle(it).direction), "rtl");
    const dialog = await opened(page);
    const heading = dialog.locator("h2 [lang=ar]");
    assert.equal(await heading.evaluate((it) => getComputedStyle(it).direction), "rtl");
    await accessible(page, "a title from right to left");
  }));

test("a picture that cannot be opened says so, and is opened when it can be", () =>
  onPage(SEARCH, {}, async (page) => {
    await answered(page);
    await page.route(/\/assets\/.*\.js$/, (route) => route.abort());
    await page.locator(".grid a").nth(2).click();
    const alert = page.getByRole("alert").filter({ hasText: "cannot be reached" });
    await alert.waitFor();
    await page.unroute(/\/assets\/.*\.js$/);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("dialog").locator(".region-start").waitFor();
    assert.equal(await alert.count(), 0);
  }));

test("a search that failed counts nothing", () =>
  onPage("?url=http://10.0.0.1/x.jpg", {}, async (page) => {
    await page.getByRole("alert").filter({ hasText: "10.0.0.1" }).waitFor();
    assert.equal(await page.locator(".found-line").textContent(), "");
  }));

test("more like some pictures is read from the top", () =>
  onPage(SEARCH, { viewport: { width: 1000, height: 500 } }, async (page) => {
    await answered(page);
    await page.locator(".basket-button").nth(20).click();
    const before = await images(page);
    assert.ok(await page.evaluate(() => scrollY > 300));
    await page.getByRole("button", { name: "More like these" }).click();
    const like = await otherImages(page, before);
    assert.equal(await page.evaluate(() => scrollY), 0);
    await page.locator(".grid a").nth(20).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "More like this" }).click();
    await otherImages(page, like);
    // The picture keeps the focus, as the first hit.
    const { y } = await page.locator(".grid a").first().boundingBox();
    assert.ok(y > 0 && y < 500, `the first hit is at ${y}`);
  }));

test("the basket leaves a phone to the pictures", () =>
  onPage(SEARCH, { viewport: PHONE }, async (page) => {
    await answered(page);
    for (const at of [0, 1, 2]) {
      await page.locator(".basket-button").nth(at).click();
    }
    const basket = page.getByRole("region", { name: "Basket" });
    const { height } = await basket.boundingBox();
    assert.ok(height < PHONE.height / 3, `${height} pixels`);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  }));

test("a value without a name can be chosen all the same", () =>
  onPage("./", {}, async (page) => {
    await page.route(/\/sparql$/, async (route) => {
      const response = await route.fetch();
      const answer = await response.json();
      for (const row of answer.results?.bindings ?? []) {
        if (row.maker) {
          row.maker = { type: "literal", value: "" };
          delete row.named;
        }
      }
      await route.fulfill({ response, json: answer });
    });
    await page.goto(new URL(SEARCH, page.url()).href);
    await page.getByRole("checkbox", { name: "(without a name)" }).first().waitFor();
  }));

/** Starts the page with other settings than the service's. */
async function withSettings(page, changed) {
  await page.addInitScript((change) => {
    const { parse } = JSON;
    JSON.parse = (...given) => {
      const value = parse(...given);
      return value?.defaultMinScore ? { ...value, ...change } : value;
    };
  }, changed);
  await page.goto(new URL(SEARCH, page.url()).href);
  await answered(page);
}

test("without metadata there are no filters, and no room for them", () =>
  onPage("./", {}, async (page) => {
    await withSettings(page, { hasMetadata: false });
    assert.equal(await page.locator(".filters").count(), 0);
    const grid = await page.locator(".grid").boundingBox();
    assert.ok(grid.x < 60, `the grid begins at ${grid.x}`);
  }));

test("filters of which nothing is known say so", () =>
  onPage("./", {}, async (page) => {
    await withSettings(page, {
      facets: [{ name: "maker", pattern: "?image <http://example.org/no-such> ?value" }],
    });
    await page.getByText("Nothing is known by which these pictures could be filtered.").waitFor();
  }));

test("without scripts the page begins at its top", () =>
  onPage("./", { javaScriptEnabled: false }, async (page) => {
    for (const path of ["./", "sparql"]) {
      await page.goto(new URL(path, page.url()).href);
      const { y } = await page.locator("h1").boundingBox();
      assert.ok(y < 100, `the heading of ${path} is ${y} pixels down`);
    }
  }));

test("a picture that has the focus shows it, also when it is zoomed", () =>
  onPage(SEARCH, {}, async (page) => {
    await answered(page);
    await opened(page);
    await page.locator(".stage-picture").focus();
    await page.keyboard.press("+");
    assert.match(await focused(page), /plus and minus zoom/);
    const ring = await page.locator(".stage-picture").evaluate((stage) => {
      const { content, zIndex, borderTopWidth } = getComputedStyle(stage, "::after");
      return { isThere: content !== "none", zIndex, borderTopWidth };
    });
    assert.deepEqual(ring, { isThere: true, zIndex: "1", borderTopWidth: "3px" });
  }));

test("a title as long as a page leaves the gallery its rows", () => {
  const query = `SELECT ?image ?title WHERE {
  ?request a clip:Request ; clip:queryString "a ship" ; clip:minScore -1 ; clip:limit 3 ; clip:iiifUrl ?image .
  BIND("${"View of the harbour with three ships. ".repeat(40)}" AS ?title)
}`;
  return onWorkbench({ query }, async (page) => {
    await run(page);
    await tab(page, "gallery").click();
    const { height } = await page.locator(".gallery figcaption").first().boundingBox();
    assert.ok(height < 150, `${height} pixels`);
  });
});

for (const viewport of [PHONE, { width: 900, height: 600 }, { width: 1280, height: 900 }]) {
  test(`${viewport.width} pixels wide, all of a picture can be drawn on`, () =>
    onPage(SEARCH, { viewport, locale: "de", bypassCSP: true }, (page) => drawnOn(page, viewport)));
}

/** A rectangle reaches every part of the picture, and what there is to press is seen. */
async function drawnOn(page, viewport) {
  await answered(page);
  const dialog = await opened(page);
  await dialog.locator(".region-start").click();
  const bar = await dialog.locator(".region-bar").boundingBox();
  const layer = await dialog.locator(".region-layer").boundingBox();
  const isBelow = bar.y >= layer.y + layer.height - 1;
  const isBeside = bar.x >= layer.x + layer.width - 1;
  assert.ok(isBelow || isBeside, JSON.stringify([bar, layer]));
  assert.ok(bar.y + bar.height <= viewport.height, "the buttons are seen");
  assert.ok(bar.x + bar.width <= viewport.width, "the buttons are seen");
  await accessible(page, "a rectangle");
  await drawnToTheEnd(page, dialog, layer);
}

/** What is drawn to the end of the picture ends there, not somewhere else. */
async function drawnToTheEnd(page, dialog, layer) {
  await page.mouse.move(layer.x + layer.width / 2, layer.y + layer.height / 2);
  await page.mouse.down();
  await page.mouse.move(layer.x + layer.width - 1, layer.y + layer.height - 1);
  await page.mouse.up();
  await dialog.getByRole("button", { name: "Diesen Ausschnitt suchen" }).click();
  await page.waitForURL((url) => url.searchParams.has("region"));
  const [x, y, width, height] = new URL(page.url()).searchParams
    .get("region")
    .split("#xywh=")[1]
    .split(",")
    .map(Number);
  for (const end of [x + width, y + height]) {
    assert.ok(end > 397, `${x + width}, ${y + height}`);
  }
}

test("what gets the focus while a rectangle is drawn is not hidden by its buttons", async () => {
  for (const viewport of [PHONE, { width: 1280, height: 500 }]) {
    await onPage(SEARCH, { viewport }, async (page) => {
      await answered(page);
      const dialog = await opened(page);
      await dialog.locator(".region-start").click();
      const hidden = await dialog.evaluate((it) => {
        const controls = [...it.querySelectorAll(".about :is(a, button, summary)")];
        return controls.filter((control) => {
          control.focus();
          // The first line of a link that is broken.
          const [{ left, top, width, height }] = control.getClientRects();
          const seen = document.elementFromPoint(left + width / 2, top + height / 2);
          return !control.contains(seen);
        }).length;
      });
      assert.equal(hidden, 0);
    });
  }
});
