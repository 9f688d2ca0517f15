// Installs the packages that packages.json names into node_modules/, without what else they depend on.
//
// Mirador and Universal Viewer carry bundles with everything that they need, and Clover's viewer needs ten packages.
// `npm install` would bring 850 packages, 840 MB, for what their authors build and for other media.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

const HERE = import.meta.dirname;
const MODULES = join(HERE, "node_modules");

async function isInstalled({ name, version }) {
  const description = await readFile(join(MODULES, name, "package.json"), "utf8").catch(() => "{}");
  return JSON.parse(description).version === version;
}

/** Fetches the archives into `folder`; returns the name of each package's file. */
function fetchArchives(packages, folder) {
  const specs = packages.map(({ name, version }) => `${name}@${version}`);
  const told = execFileSync(
    "npm",
    ["pack", "--json", "--silent", "--pack-destination", folder, ...specs],
    {
      encoding: "utf8",
    },
  );
  return new Map(Object.values(JSON.parse(told)).map(({ name, filename }) => [name, filename]));
}

async function unpack({ name, version, integrity }, archive, folder) {
  const sha512 = createHash("sha512")
    .update(await readFile(archive))
    .digest("base64");
  if (`sha512-${sha512}` !== integrity) {
    throw new Error(
      `${name} ${version} of the registry is not the package that packages.json means`,
    );
  }
  const part = await mkdtemp(join(folder, "package-"));
  // GNU tar warns of the headers of archives that were made on macOS.
  execFileSync("tar", ["-xzf", archive, "-C", part, "--strip-components=1"], { stdio: "pipe" });
  const target = join(MODULES, name);
  await rm(target, { recursive: true, force: true });
  await mkdir(dirname(target), { recursive: true });
  await rename(part, target);
}

async function install(packages) {
  const folder = await mkdtemp(join(MODULES, ".part-"));
  try {
    const files = fetchArchives(packages, folder);
    for (const one of packages) {
      await unpack(one, join(folder, files.get(one.name)), folder);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await mkdir(MODULES, { recursive: true });
const wanted = JSON.parse(await readFile(join(HERE, "packages.json"), "utf8"));
const there = await Promise.all(wanted.map(isInstalled));
const missing = wanted.filter((_, n) => !there[n]);
if (missing.length > 0) {
  await install(missing);
}
