// A file as it can be shown. What the bytes are decides, never what they would like to be: a report
// in HTML stands in a frame that may do nothing, pictures go through a blob that cannot run
// anything, of Parquet only the rows that are shown are read, and long files are cut.
import { decompress } from "fzstd";
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { useEffect, useState } from "preact/hooks";
import { downloadAddress, headers, readFile, request, session } from "./api.js";
import { useLive } from "./live.js";
import { Shown, Table } from "./parts.jsx";
import { bytes, count } from "./words.js";

const TEXT_LIMIT = 1 << 20;
const PICTURE_LIMIT = 16 << 20;
const PICTURES = { png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp", svg: "image/svg+xml" };
const TABLES = { csv: ",", tsv: "\t" };
const ending = (path) => path.slice(path.lastIndexOf(".") + 1).toLowerCase();

export function Preview(place) {
  if (ending(place.path) === "parquet") return <Parquet {...place} />;
  return /^html?$/.test(ending(place.path)) ? <Report {...place} /> : <Plain {...place} />;
}

// As a report, or as the text that it is.
function Report(place) {
  const [source, setSource] = useState(false);
  const { project, repo, commit, path } = place;
  const live = useLive(async () => (await request(`/console/preview?${new URLSearchParams({ project, repo, commit, path })}`, { method: "POST" })).json(), [], [commit, path]);
  return (
    <>
      <div class="switch" role="group" aria-label="Show as"><button aria-pressed={!source} onClick={() => setSource(false)}>Report</button><button aria-pressed={source} onClick={() => setSource(true)}>Source</button></div>
      {source ? <Plain {...place} /> : <Shown live={live}>{({ address }) => <iframe class="report" sandbox="" src={address} title={path} />}</Shown>}
    </>
  );
}

const PARQUET_ROWS = 1000;

function Parquet({ project, repo, commit, path }) {
  const live = useLive(async () => {
    const { size } = await readFile(project, repo, commit, path, 0);
    const file = { byteLength: size, slice: async (start, end = size) => (await readFile(project, repo, commit, path, end - start, start)).bytes };
    const metadata = await parquetMetadataAsync(file);
    const total = Number(metadata.num_rows);
    const rows = await parquetReadObjects({ file, metadata, rowEnd: Math.min(total, PARQUET_ROWS), compressors: { ZSTD: (packed) => decompress(packed) } });
    return { rows: rows.map((cells, place) => ({ place, cells })), total, size, names: metadata.schema.filter((one) => one.num_children === undefined).map((one) => one.name) };
  }, [], [commit, path]);
  return <Shown live={live}>{({ rows, total, size, names }) => (
    <>
      <p class="filebar"><span class="quiet">{count(total, "row")}, {count(names.length, "column")}, {bytes(size)}{rows.length < total && `; the first ${rows.length.toLocaleString("en")} rows are shown`}</span><Download {...{ project, repo, commit, path }} /></p>
      <Table label="Rows" rows={rows} keyOf={(row) => row.place} columns={Object.keys(rows[0]?.cells ?? {}).map((name) => ({ name, show: (row) => cellText(row.cells[name]) }))} empty="An empty table." />
    </>)}</Shown>;
}

function cellText(value) {
  if (value === null || value === undefined) return <span class="quiet">–</span>;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return typeof value === "object" ? JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? String(inner) : inner)) : String(value);
}

function Plain({ project, repo, commit, path }) {
  const picture = PICTURES[ending(path)];
  const live = useLive(() => readFile(project, repo, commit, path, picture ? PICTURE_LIMIT : TEXT_LIMIT), [], [commit, path]);
  return <Shown live={live}>{(file) => (
    <>
      <p class="filebar"><span class="quiet">{bytes(file.size)}{file.bytes.byteLength < file.size && `; the first ${bytes(file.bytes.byteLength)} are shown`}</span><Download {...{ project, repo, commit, path }} /></p>
      {picture && file.bytes.byteLength === file.size ? <Picture type={picture} {...file} path={path} /> : <Words {...file} path={path} />}
    </>)}</Shown>;
}

function Download({ project, repo, commit, path }) {
  const address = downloadAddress(project, repo, commit, path);
  const name = path.split("/").at(-1);
  if (!session.token) return <a class="button" href={address} download={name}>Download</a>;
  const save = async () => {
    const blob = await (await request(address, { headers: headers() })).blob();
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };
  return <button onClick={save}>Download</button>;
}

export function Picture({ bytes: data, type, path }) {
  const [address, set] = useState(null);
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([data], { type }));
    set(made);
    return () => URL.revokeObjectURL(made);
  }, [data]);
  return address && <img class={`picture${type.includes("svg") ? " svg" : ""}`} src={address} alt={path.split("/").at(-1)} />;
}

function Words({ bytes: data, size, path }) {
  let text = new TextDecoder().decode(data);
  if (looksBinary(data)) return <><p class="quiet">Not text. The first bytes:</p><pre tabIndex={0}>{hex(data)}</pre></>;
  const kind = ending(path);
  const whole = data.byteLength === size;
  if (TABLES[kind]) return <Csv text={whole ? text : text.slice(0, text.lastIndexOf("\n"))} separator={TABLES[kind]} />;
  if (kind === "json" && whole) try { text = JSON.stringify(JSON.parse(text), null, 2); } catch {}
  return <pre tabIndex={0} aria-label={path}>{text}</pre>;
}

const looksBinary = (data) => new Uint8Array(data, 0, Math.min(data.byteLength, 4096)).includes(0);

function hex(data) {
  const view = new Uint8Array(data, 0, Math.min(data.byteLength, 512));
  const rows = [];
  for (let at = 0; at < view.length; at += 16) {
    const part = [...view.slice(at, at + 16)];
    rows.push(`${at.toString(16).padStart(6, "0")}  ${part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(47)}  ${part.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join("")}`);
  }
  return rows.join("\n");
}

function Csv({ text, separator }) {
  const [head, ...rows] = parse(text, separator);
  if (!head) return <p class="empty">An empty table.</p>;
  const numbered = rows.map((cells, place) => ({ place, cells }));
  return (
    <>
      <p class="quiet">{count(rows.length, "row")}, {count(head.length, "column")}</p>
      <Table label="Rows" rows={numbered} keyOf={(row) => row.place} columns={head.map((name, place) => ({ name, show: (row) => row.cells[place] }))} />
    </>
  );
}

// RFC 4180: quoted fields may hold separators, quotes (doubled) and line ends.
export function parse(text, separator) {
  const rows = [];
  let row = [];
  let cell = "";
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (text[at + 1] === '"') { cell += '"'; at++; }
      else quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === separator) { row.push(cell); cell = ""; }
    else if (letter === "\n") { row.push(cell.replace(/\r$/, "")); rows.push(row); row = []; cell = ""; }
    else cell += letter;
  }
  if (cell || row.length) { row.push(cell); rows.push(row); }
  return rows;
}
