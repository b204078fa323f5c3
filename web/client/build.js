// Bundles the client for browsers into dist/: index.js for IINs and e-mail addresses, and a chunk
// with the phone rules that it loads when a phone is asked about. Prints what each weighs.
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { brotliCompressSync } from "node:zlib";

import { build } from "esbuild";

const DIST = "dist";

for (const name of await readdir(DIST)) {
  if (name !== "types") await rm(join(DIST, name));
}
const { metafile } = await build({
  entryPoints: ["src/index.ts"],
  outdir: DIST,
  bundle: true,
  minify: true,
  format: "esm",
  splitting: true,
  chunkNames: "[name]-[hash]",
  target: "es2022",
  metafile: true,
  // The same code as a module: it needs no CommonJS helper, which would be a file of its own.
  alias: { "punycode/punycode.js": "punycode/punycode.es6.js" },
  legalComments: "none", // all licences are in THIRD-PARTY.txt, whole
  banner: { js: "/* Qorgan client, Apache-2.0; contains the works in THIRD-PARTY.txt */" },
});

await writeFile(join(DIST, "THIRD-PARTY.txt"), await licences(Object.keys(metafile.inputs)));
for (const path of Object.keys(metafile.outputs)) {
  const content = await readFile(path);
  const brotli = brotliCompressSync(content).length;
  console.log(`${path}: ${content.length} bytes, ${brotli} with brotli`);
}

/** The licences of the packages that these files are from: MIT asks that they go along. */
async function licences(inputs) {
  const folders = new Set(inputs.map(packageFolder).filter((folder) => folder !== null));
  const texts = [];
  for (const folder of [...folders].sort()) {
    const { name, version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const files = (await readdir(folder)).filter((file) => file.startsWith("LICENSE"));
    if (files.length === 0) throw new Error(`${name} has no licence file`);
    for (const file of files) {
      texts.push(`${name} ${version}\n\n${await readFile(join(folder, file), "utf8")}`);
    }
  }
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

/** The folder of the package that a file is from; null for our own. */
function packageFolder(path) {
  const parts = path.split("/");
  const at = parts.lastIndexOf("node_modules");
  if (at < 0) return null;
  return parts.slice(0, at + (parts[at + 1].startsWith("@") ? 3 : 2)).join(sep);
}
