// Mirador, Universal Viewer and Clover open the manifests of the demo: they draw the picture, show the labels,
// and what their search fields find is what the service finds. CLIP_URL names the service.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { chromium } from "playwright-core";
import { coloursOfPicture, coloursOfScreen, isPlain, shareDrawn } from "./viewers/colours.mjs";
import { serveViewers } from "./viewers/server.mjs";
import { VIEWERS } from "./viewers/viewers.mjs";
import { abroad, visit } from "./viewers/visit.mjs";
import { until } from "./viewers/wait.mjs";

const CLIP_URL = process.env.CLIP_URL?.replace(/\/$/, "");
const SCREENSHOTS = join(import.meta.dirname, "screenshots");
const SEARCH = "/iiif/manifest?str=a+ship+at+sea&limit=5";
const ASKED = "a castle";
/** Most pages that the service gives of a search, whatever a viewer follows. */
const MOST_PAGES = 10;
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Drawn without WebGL, which a machine without a graphics card is slow at.
  "--disable-3d-apis",
  // What a viewer asks of another host is told by the test, and does not leave.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

let browser;
let blank;
let viewers;

before(async () => {
  assert.ok(CLIP_URL, "CLIP_URL must name a running `clip-search demo`");
  await mkdir(SCREENSHOTS, { recursive: true });
  viewers = await serveViewers();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
  });
  blank = await browser.newPage();
});

after(async () => {
  await browser?.close();
  await viewers?.close();
});

async function json(url) {
  const response = await fetch(url);
  assert.equal(response.status, 200, `${url}: ${response.status}`);
  return response.json();
}

/** The texts of a label, one a language: not every viewer chooses the reader's. */
const texts = (label) => Object.values(label).flat();

/** Waits until one of `wanted` can be read. */
function readable(viewer, page, wanted) {
  return until(`${viewer.name} shows ${wanted.join(" or ")}`, async () => {
    const seen = wanted.map((text) => page.getByText(text).first().isVisible());
    return (await Promise.all(seen)).includes(true);
  });
}

/** The canvases that the manifest's own search finds, of all its pages. */
async function found(manifest, question) {
  const service = manifest.service.find(({ type }) => type === "SearchService2");
  const canvases = [];
  let next = `${service.id}?q=${encodeURIComponent(question)}`;
  for (let pages = 0; next; pages += 1) {
    assert.ok(pages < MOST_PAGES, `${service.id} has more than ${MOST_PAGES} pages`);
    const page = await json(next);
    canvases.push(...page.items.map(({ target }) => target.split("#")[0]));
    next = page.next?.id;
  }
  return canvases;
}

const pictureOf = (canvas) => canvas.items[0].items[0].body;

/** Waits until the viewer has drawn the picture. */
async function drawn(viewer, page, { id, format }) {
  const response = await fetch(id);
  assert.equal(response.status, 200, `${id}: ${response.status}`);
  const picture = await coloursOfPicture(blank, Buffer.from(await response.arrayBuffer()), format);
  assert.ok(!isPlain(picture), `${id} has too few colours to be told from an empty page`);
  await until(`${viewer.name} draws ${id}`, async () => {
    const png = await page.locator(viewer.picture).first().screenshot();
    const share = shareDrawn(picture, await coloursOfScreen(blank, png));
    return share > 0.9;
  });
}

/** Opens a manifest, waits for label and picture, lets `check` look on, and asks what the visit asked for. */
async function open(viewer, path, state, check) {
  const address = CLIP_URL + path;
  const manifest = await json(address);
  const { page, requests, failures } = await visit(
    browser,
    `${viewers.url}/${viewer.id}.html`,
    address,
  );
  try {
    await readable(viewer, page, texts(manifest.label));
    await drawn(viewer, page, pictureOf(manifest.items[0]));
    await check({ page, manifest, requests });
    assert.deepEqual(failures, []);
    assert.deepEqual(abroad(requests), []);
  } catch (error) {
    throw new Error(
      `${error.message}\nwhat went wrong in the page: ${failures.join("; ") || "nothing"}`,
      {
        cause: error,
      },
    );
  } finally {
    await page.screenshot({ path: join(SCREENSHOTS, `${viewer.id}-${state}.png`) });
    await page.close();
  }
}

for (const viewer of VIEWERS) {
  describe(viewer.name, () => {
    it("opens the hits of a search, and searches in them", () =>
      open(viewer, SEARCH, "search", async ({ page, manifest, requests }) => {
        const canvases = new Map(manifest.items.map((canvas) => [canvas.id, canvas]));
        const expected = (await found(manifest, ASKED)).map((id) => canvases.get(id));
        assert.ok(expected.length > 0, `“${ASKED}” finds nothing`);
        assert.ok(
          !expected.includes(undefined),
          "the search finds canvases that are not in the manifest",
        );

        await viewer.search(page, ASKED);
        const titles = expected.map(({ label }) => texts(label));
        await until(`${viewer.name} lists ${titles.join("; ")}`, async () => {
          await viewer.more?.(page);
          const hits = await viewer.hits(page);
          return (
            hits.length === titles.length &&
            titles.every((languages) => hits.some((hit) => languages.includes(hit)))
          );
        });
        const last = (await viewer.hits(page)).at(-1);
        await viewer.openLastHit(page);
        await until(
          `${viewer.name} opens ${last}`,
          async () => (await viewer.shown(page)) === last,
        );
        const opened = expected.filter(({ label }) => texts(label).includes(last)).map(pictureOf);
        await until(`${viewer.name} asks for the picture of ${last}`, () =>
          opened.some(({ service }) => requests.some((url) => url.startsWith(`${service[0].id}/`))),
        );

        const searches = requests.filter((url) => url.includes("/iiif/search/"));
        assert.ok(searches.length > 0 && searches.length <= MOST_PAGES, searches.join("\n"));
      }));

    it("opens one image", async () => {
      const { items } = await json(CLIP_URL + SEARCH);
      const image = items[0].id.split("/").at(-1);
      await open(viewer, `/iiif/manifest?id=${image}`, "one-image", ({ manifest }) => {
        assert.deepEqual(
          manifest.items.map(({ id }) => id),
          [items[0].id],
        );
      });
    });
  });
}
