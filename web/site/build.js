// Builds what the pages load into lookup/static: scripts, the worker with the protocol in it, the
// stylesheet, the icon. Names carry their content's hash; manifest.json says which is which. The
// same sources always give the same bytes: CI builds again and compares (tests/test_web.py).
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const OUT = process.argv[2] ?? "../../lookup/static";
const SOURCES = [
  "src/check.ts",
  "src/register.ts",
  "src/worker.ts",
  "src/site.css",
  "src/icon.svg",
  "../client/dist/THIRD-PARTY.txt", // the licences of what the worker contains
];

await mkdir(OUT, { recursive: true });
const before = await readdir(OUT);
if (before.length > 0 && !before.includes("manifest.json")) {
  throw new Error(`${OUT} is not a folder that this made`);
}
for (const name of before) await rm(join(OUT, name));

const { metafile } = await build({
  entryPoints: SOURCES,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  outdir: OUT,
  bundle: true,
  minify: true,
  format: "esm",
  splitting: true,
  target: ["es2022"],
  loader: { ".svg": "copy", ".txt": "copy" },
  legalComments: "none", // all licences are in THIRD-PARTY.txt, whole
  metafile: true,
});

const manifest = {};
for (const [path, { inputs }] of Object.entries(metafile.outputs)) {
  const content = await readFile(path);
  console.log(`${basename(path)}: ${content.length} bytes, ${gzipSync(content).length} with gzip`);
  for (const source of SOURCES) {
    if (metafile.outputs[path].entryPoint === source || isCopy(inputs, source)) {
      manifest[basename(source)] = basename(path);
    }
  }
}
await writeFile(join(OUT, "manifest.json"), `${JSON.stringify(manifest, SOURCES.map((s) => basename(s)), 1)}\n`);

/** A file that is only copied is no entry point to esbuild. */
function isCopy(inputs, source) {
  const [only, ...others] = Object.keys(inputs);
  return only === source && others.length === 0;
}
