// Mirador, Universal Viewer and Clover open the manifests of the demo: they draw the picture, show the labels,
// and what their search fields find is what the service finds. CLIP_URL names the service.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { chromium } from "playwright-core";
import { coloursOfPicture, coloursOfScreen, isPlain, shareDrawn } from "./viewers/colours.mjs";
import { found, imageId, json, MOST_PAGES, pictureOf, texts } from "./viewers/manifest.mjs";
import { serveViewers } from "./viewers/server.mjs";
import { VIEWERS } from "./viewers/viewers.mjs";
import { abroad, visit } from "./viewers/visit.mjs";
import { until } from "./viewers/wait.mjs";

const CLIP_URL = process.env.CLIP_URL?.replace(/\/$/, "");
const SCREENSHOTS = join(import.meta.dirname, "screenshots");
const SHIPS = "/iiif/manifest?str=a+ship+at+sea&limit=5";
/** Not in the order in which the service would write it, and with a blank that is no plus sign. */
const MANY = "/iiif/manifest?limit=60&minScore=-1&str=a%20ship%20at%20sea";
const CASTLES = "/iiif/manifest?str=a+castle&limit=2";
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

/** Waits until one of `wanted` can be read. */
function readable(viewer, page, wanted) {
  return until(`${viewer.name} shows ${wanted.join(" or ")}`, async () => {
    const seen = wanted.map((text) => page.getByText(text).first().isVisible());
    return (await Promise.all(seen)).includes(true);
  });
}

/** Waits until the viewer has drawn the picture. */
async function drawn(viewer, page, { id, format }) {
  const response = await fetch(id);
  assert.equal(response.status, 200, `${id}: ${response.status}`);
  const picture = await coloursOfPicture(blank, Buffer.from(await response.arrayBuffer()), format);
  assert.ok(!isPlain(picture), `${id} has too few colours to be told from an empty page`);
  await until(`${viewer.name} draws ${id}`, async () => {
    const screen = await page.locator(viewer.picture).first().screenshot();
    return shareDrawn(picture, await coloursOfScreen(blank, screen)) > 0.9;
  });
}

/** Opens a manifest, waits for label and picture, lets `check` look on, and asks what the visit asked for. */
async function open(viewer, path, state, check = () => {}) {
  const address = CLIP_URL + path;
  const manifest = await json(address);
  const viewerUrl = `${viewers.url}/${viewer.id}.html`;
  const { page, requests, failures } = await visit(browser, viewerUrl, address);
  try {
    await readable(viewer, page, texts(manifest.label));
    await drawn(viewer, page, pictureOf(manifest.items[0]));
    await check({ page, manifest, requests });
    assert.deepEqual(failures, []);
    assert.deepEqual(abroad(requests), []);
  } catch (error) {
    const wrong = failures.join("; ") || "nothing";
    throw new Error(`${error.message}\nwhat went wrong in the page: ${wrong}`, { cause: error });
  } finally {
    await page.screenshot({ path: join(SCREENSHOTS, `${viewer.id}-${state}.png`) });
    await page.close();
  }
}

/** Searches inside the viewer, which must list what the service finds; opens the last hit of the list. */
async function search(viewer, { page, manifest, requests }, question) {
  const expected = await found(manifest, question);
  const titles = expected.map(({ label }) => texts(label));
  await viewer.search(page, question);
  await until(`${viewer.name} lists ${titles.join("; ")}`, async () => {
    await viewer.more?.(page);
    const hits = await viewer.hits(page);
    const isListed = (languages) => hits.some((hit) => languages.includes(hit));
    return hits.length === titles.length && titles.every(isListed);
  });
  const last = (await viewer.hits(page)).at(-1);
  await viewer.openLastHit(page);
  await until(`${viewer.name} opens ${last}`, async () => (await viewer.shown(page)) === last);
  const services = expected
    .filter(({ label }) => texts(label).includes(last))
    .map((canvas) => `${pictureOf(canvas).service[0].id}/`);
  await until(`${viewer.name} asks for the picture of ${last}`, () =>
    services.some((service) => requests.some((url) => url.startsWith(service))),
  );
  const searches = requests.filter((url) => url.includes("/iiif/search/"));
  assert.ok(searches.length > 0 && searches.length <= MOST_PAGES, searches.join("\n"));
  return expected;
}

for (const viewer of VIEWERS) {
  describe(viewer.name, () => {
    it("opens the hits of a search, and searches in them", () =>
      open(viewer, SHIPS, "hits", (visited) => search(viewer, visited, "a sailing ship")));

    it("finds the castles among chosen images", async () => {
      const ships = (await json(CLIP_URL + SHIPS)).items.map(imageId);
      const castles = (await json(CLIP_URL + CASTLES)).items.map(imageId);
      const chosen = [...ships, ...castles].map((id) => `id=${id}`).join("&");
      await open(viewer, `/iiif/manifest?${chosen}`, "chosen", async (visited) => {
        const hits = await search(viewer, visited, "a castle");
        assert.deepEqual(hits.slice(0, 2).map(imageId), castles);
        assert.ok(hits.length < visited.manifest.items.length, "everything is a castle");
      });
    });

    it("opens many images, whose URL others have written", () =>
      open(viewer, MANY, "many", ({ manifest }) => assert.equal(manifest.items.length, 60)));

    it("opens one image", async () => {
      const [ship] = (await json(CLIP_URL + SHIPS)).items;
      await open(viewer, `/iiif/manifest?id=${imageId(ship)}`, "one");
    });
  });
}
