// What the service's manifests say, and what their own search finds.
import assert from "node:assert/strict";

/** Most pages that the service gives of a search. */
export const MOST_PAGES = 10;

export async function json(url) {
  const response = await fetch(url);
  assert.equal(response.status, 200, `${url}: ${response.status}`);
  return response.json();
}

/** The texts of a label, one a language: not every viewer chooses the reader's. */
export const texts = (label) => Object.values(label).flat();

export const pictureOf = (canvas) => canvas.items[0].items[0].body;

/** The last part of its address. */
export const imageId = (canvas) => canvas.id.split("/").at(-1);

/** The canvases that the manifest's own search finds, of all its pages, best first. */
export async function found(manifest, question) {
  const canvases = new Map(manifest.items.map((canvas) => [canvas.id, canvas]));
  const service = manifest.service.find(({ type }) => type === "SearchService2");
  const hits = [];
  let next = `${service.id}?q=${encodeURIComponent(question)}`;
  for (let pages = 0; next; pages += 1) {
    assert.ok(pages < MOST_PAGES, `${service.id} has more than ${MOST_PAGES} pages`);
    const page = await json(next);
    for (const { target } of page.items) {
      const canvas = canvases.get(target.split("#")[0]);
      assert.ok(canvas, `${next} finds ${target}, which is not in ${manifest.id}`);
      hits.push(canvas);
    }
    next = page.next?.id;
  }
  assert.ok(hits.length > 0, `“${question}” finds nothing in ${manifest.id}`);
  return hits;
}
