// Mirador and Universal Viewer open a collection of the manifests that images come from: they list them, and open the
// one that is chosen. The demo's images know no manifest, so a collection of two that do is built and served here, from
// manifests on this machine with two of the demo's pictures. CLIP_URL names the demo, CLIP_PROGRAM the program.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { coloursOfPicture, coloursOfScreen, shareDrawn } from "./viewers/colours.mjs";
import { json } from "./viewers/manifest.mjs";
import { serveViewers } from "./viewers/server.mjs";
import { VIEWERS } from "./viewers/viewers.mjs";
import { visit } from "./viewers/visit.mjs";
import { until } from "./viewers/wait.mjs";

const CLIP_URL = process.env.CLIP_URL?.replace(/\/$/, "");
const HERE = import.meta.dirname;
const PROGRAM = resolve(HERE, "..", process.env.CLIP_PROGRAM ?? "../target/release/clip-search");
const MODEL = resolve(HERE, "../../examples/demo/model");
const SCREENSHOTS = join(HERE, "screenshots");
const WORKS = { ship: "A ship on a loopback host", castle: "A castle on a loopback host" };

let folder;
let manifests;
let service;
let server;
let viewers;
let browser;

/** A manifest at `id` of the IIIF image at `image`. */
async function manifest(id, label, image) {
  const { width, height } = await json(`${image}/info.json`);
  const size = { width, height };
  const body = {
    id: `${image}/full/max/0/default.jpg`,
    type: "Image",
    format: "image/jpeg",
    ...size,
    service: [{ id: image, type: "ImageService3", profile: "level1" }],
  };
  const target = `${id}/canvas`;
  const painting = { type: "Annotation", motivation: "painting", body, target };
  const page = { id: `${id}/page`, type: "AnnotationPage" };
  const canvas = { id: target, type: "Canvas", label: { en: [label] }, ...size };
  return {
    "@context": "http://iiif.io/api/presentation/3/context.json",
    id,
    type: "Manifest",
    label: { en: [label] },
    items: [{ ...canvas, items: [{ ...page, items: [{ id: `${id}/painting`, ...painting }] }] }],
  };
}

/** Serves a manifest of the best picture for each of WORKS. */
async function serveManifests() {
  const documents = new Map();
  const listening = createServer(({ url }, response) => {
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Content-Type", "application/json");
    const document = documents.get(url);
    response.writeHead(document ? 200 : 404).end(JSON.stringify(document ?? {}));
  });
  await new Promise((ready) => listening.listen(0, "127.0.0.1", ready));
  const origin = `http://127.0.0.1:${listening.address().port}`;
  for (const [name, label] of Object.entries(WORKS)) {
    const [{ url }] = await json(`${CLIP_URL}/query?str=a+${name}&limit=1`);
    documents.set(`/${name}.json`, await manifest(`${origin}/${name}.json`, label, url));
  }
  const urls = Object.keys(WORKS).map((name) => `${origin}/${name}.json`);
  return { urls, documents, close: () => listening.close() };
}

/** Builds the collection of `urls` and serves it; gives the process and its address. */
async function serveCollection(urls) {
  const [data, store] = [join(folder, "data"), join(folder, "store")];
  const own = ["--data-dir", data, "--store", store, "--model", MODEL];
  const named = urls.flatMap((url) => ["--manifest", url]);
  const build = ["build", "--mode", "MANIFEST", ...named, "--allow-fetch", "127.0.0.1", ...own];
  await promisify(execFile)(PROGRAM, build);
  const serve = ["serve", ...own, "--host", "127.0.0.1", "--port", "0"];
  const process = spawn(PROGRAM, serve, { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((done, fail) => {
    process.on("exit", (code) => fail(new Error(`the service ended with ${code}`)));
    createInterface({ input: process.stdout }).on("line", (line) => {
      const [found] = line.match(/http:\/\/127\.0\.0\.1:\d+/) ?? [];
      if (found) {
        done(found);
      }
    });
  });
  return { process, url };
}

before(async () => {
  assert.ok(CLIP_URL, "CLIP_URL must name a running `clip-search demo`");
  await mkdir(SCREENSHOTS, { recursive: true });
  folder = await mkdtemp(join(tmpdir(), "clip-collection-"));
  manifests = await serveManifests();
  service = await serveCollection(manifests.urls);
  server = service.process;
  viewers = await serveViewers();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-3d-apis", "--no-first-run"],
  });
});

after(async () => {
  await browser?.close();
  await viewers?.close();
  manifests?.close();
  if (server) {
    server.removeAllListeners("exit");
    const ended = new Promise((done) => server.on("exit", done));
    server.kill("SIGTERM");
    await ended;
  }
  await rm(folder, { recursive: true, force: true });
});

/** Clover opens collections in another of its components. */
const OPENED_IN = ["mirador", "universalviewer"];

/** Whether `label` is in the list. Mirador does not always open its list by itself. */
async function isListed(page, label) {
  const open = page.getByRole("button", { name: "Show collection" });
  if (await open.isVisible()) {
    await open.click();
  }
  return page.getByText(label).first().isVisible();
}

for (const viewer of VIEWERS.filter(({ id }) => OPENED_IN.includes(id))) {
  test(`${viewer.name} lists a collection, and opens what is chosen of it`, async () => {
    const address = `${service.url}/iiif/collection?str=a+ship&minScore=-1`;
    const collection = await json(address);
    assert.deepEqual(
      collection.items.map(({ id }) => id).sort(),
      [...manifests.urls].sort(),
      "both images know their manifests",
    );
    const { page, failures } = await visit(browser, `${viewers.url}/${viewer.id}.html`, address);
    try {
      for (const label of Object.values(WORKS)) {
        await until(`${viewer.name} lists ${label}`, () => isListed(page, label));
      }
      await page.getByText(WORKS.castle).first().click();
      const chosen = manifests.documents.get("/castle.json");
      const picture = chosen.items[0].items[0].items[0].body;
      const bytes = Buffer.from(await (await fetch(picture.id)).arrayBuffer());
      const blank = await browser.newPage();
      const colours = await coloursOfPicture(blank, bytes, picture.format);
      await until(`${viewer.name} draws the castle`, async () => {
        const screen = await page.locator(viewer.picture).first().screenshot();
        return shareDrawn(colours, await coloursOfScreen(blank, screen)) > 0.9;
      });
      assert.deepEqual(failures, []);
    } finally {
      await page.screenshot({ path: join(SCREENSHOTS, `${viewer.id}-collection.png`) });
      await page.close();
    }
  });
}
