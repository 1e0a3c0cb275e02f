// Bundles src/ into the folder that the wheel carries. Same sources, same bytes; what they were is
// written beside them, so that a test can tell without Node whether the two still belong together.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

const out = "../src/howdah/console/assets";
mkdirSync(out, { recursive: true });
await build({
  entryPoints: { console: "src/main.jsx" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "eof",
  charset: "utf8",
  logLevel: "info",
});
const COPIED = ["index.html", "icon.svg"];
for (const name of COPIED) copyFileSync(`src/${name}`, `${out}/${name}`);

// The same as in tests/repo/test_console_build.py.
function digest(paths) {
  const found = createHash("sha256");
  for (const path of paths) {
    const data = readFileSync(path);
    found.update(`${path.split("/").at(-1)} ${data.length}\n`).update(data);
  }
  return found.digest("hex");
}
const sources = readdirSync("src", { recursive: true, withFileTypes: true }).filter((one) => one.isFile()).map((one) => `${one.parentPath}/${one.name}`).sort();
const built = ["console.css", "console.js", ...COPIED].sort().map((name) => `${out}/${name}`);
writeFileSync(`${out}/built.json`, `${JSON.stringify({ sources: digest(["build.mjs", "package-lock.json", "package.json", ...sources]), built: digest(built) }, null, 2)}\n`);
