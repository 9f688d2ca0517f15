// Bundles the pages into dist/: one entry a page, what only some visitors need in chunks of its own, each file
// also compressed, and manifest.json, which tells the server the files of each page.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const ALL_PAGES = ["search", "workbench"];
/** `node build.mjs search` bundles that page alone. */
const PAGES = process.argv.length > 2 ? process.argv.slice(2) : ALL_PAGES;
const DIST = "dist";
/** What a visitor's first load of a page may weigh, compressed, with the messages of one language. */
const BUDGET_BYTES = { search: 30_000, workbench: 30_000 };
/** Shorter files fit into one packet as they are. */
const COMPRESSED_BYTES = 1024;

await rm(DIST, { recursive: true, force: true });
await mkdir(DIST, { recursive: true });
const { metafile } = await build({
  entryPoints: Object.fromEntries(PAGES.map((page) => [page, `src/${page}/main.tsx`])),
  outdir: DIST,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  assetNames: "[name]-[hash]",
  legalComments: "linked",
  metafile: true,
  logLevel: "warning",
});

const manifest = {};
for (const [path, output] of Object.entries(metafile.outputs)) {
  const page = PAGES.find((name) => output.entryPoint === `src/${name}/main.tsx`);
  if (page) {
    manifest[page] = {
      js: basename(path),
      css: output.cssBundle ? basename(output.cssBundle) : null,
      // Loaded with the page, so that the browser can ask for them at once.
      chunks: output.imports
        .filter((i) => i.kind === "import-statement")
        .map((i) => basename(i.path)),
      // Loaded once it is known which language is spoken.
      languages: languageChunks(page),
    };
  }
}
await writeFile(join(DIST, "manifest.json"), JSON.stringify(manifest));

const sizes = [];
for (const path of Object.keys(metafile.outputs)) {
  const bytes = await readFile(path);
  if (bytes.length < COMPRESSED_BYTES) {
    continue;
  }
  const br = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  await writeFile(`${path}.br`, br);
  await writeFile(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  sizes.push([basename(path), bytes.length, br.length]);
}
for (const [name, plain, br] of sizes) {
  console.log(
    `${name.padEnd(32)} ${String(plain).padStart(8)} bytes, ${String(br).padStart(7)} compressed`,
  );
}

for (const [page, budget] of Object.entries(BUDGET_BYTES)) {
  if (manifest[page]) {
    const bytes = firstLoadBytes(manifest[page]);
    console.log(`first load of ${page}: ${bytes} of ${budget} bytes, compressed`);
    if (bytes > budget) {
      console.error(
        `the first load of ${page} is over its budget; load later what only some visitors need`,
      );
      process.exitCode = 1;
    }
  }
}

/** Chunks of the messages of `page` by language. */
function languageChunks(page) {
  const chunks = {};
  for (const [path, { entryPoint }] of Object.entries(metafile.outputs)) {
    const [, language] = entryPoint?.match(`^src/${page}/i18n/(.+)\\.json`) ?? [];
    if (language) {
      chunks[language] = basename(path);
    }
  }
  return chunks;
}

function firstLoadBytes({ js, css, chunks, languages }) {
  const compressed = new Map(sizes.map(([name, , br]) => [name, br]));
  const size = (name) => compressed.get(name) ?? 0;
  const shared = [js, css, ...chunks].reduce((sum, name) => sum + size(name), 0);
  return shared + Math.max(0, ...Object.values(languages).map(size));
}
