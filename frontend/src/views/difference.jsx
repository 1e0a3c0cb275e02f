// What a commit changed: against its parent, or against any other commit of the repo. For a text
// that both hold, its lines; for everything else, names and sizes.
import { useState } from "preact/hooks";
import { commitOf, list, orNull, readFile, repoOf, stream } from "../api.js";
import { compareLines } from "../lines.js";
import { useLive } from "../live.js";
import { Card, Empty, Shown, Table } from "../parts.jsx";
import { setQuery, to, A } from "../route.jsx";
import { ago, bytes } from "../words.js";

const MOST = 2000;
const TEXT_LIMIT = 256 << 10;

async function differences(project, repo, id, against, path) {
  const place = (commit) => ({ commit: commitOf(project, repo, commit), path });
  const stop = new AbortController();
  const rows = [];
  for await (const one of stream("pfs_v2.API/DiffFile", { newFile: place(id), ...(against ? { oldFile: place(against) } : {}) }, stop.signal)) {
    if ((one.newFile ?? one.oldFile).fileType === "DIR") continue;
    if (rows.length === MOST) { stop.abort(); return { rows, more: true }; }
    rows.push({ before: one.oldFile, after: one.newFile, path: (one.newFile ?? one.oldFile).file.path });
  }
  return { rows, more: false };
}

const kindOf = ({ before, after }) => (!before ? "added" : !after ? "removed" : "changed");
const MARKS = { added: "+", removed: "−", changed: "~" };

export function Difference({ project, repo, id, against, path, parent }) {
  const other = against === "parent" ? undefined : against;
  const [open, setOpen] = useState(null);
  const live = useLive(() => differences(project, repo, id, other, path), [], [id, against, path]);
  return (
    <>
      <Card title="Changes" flush aside={<Against {...{ project, repo, id, against, parent }} />}><Shown live={live}>{({ rows, more }) => (
        <>
          <p class="above quiet">{rows.length ? `${["added", "changed", "removed"].map((kind) => `${rows.filter((row) => kindOf(row) === kind).length} ${kind}`).join(", ")}${more ? `; the first ${MOST.toLocaleString("en")} are shown` : ""}` : ""}</p>
          <Table label="Changes" rows={rows} keyOf={(row) => row.path} empty="Nothing differs." columns={[
            { name: "", show: (row) => <span class={`change ${kindOf(row)}`}><span aria-hidden="true">{MARKS[kindOf(row)]}</span> {kindOf(row)}</span> },
            { name: "File", show: (row) => <button class={`link${open === row.path ? " chosen" : ""}`} onClick={() => setOpen(row.path)}>{row.path}</button> },
            { name: "Before", show: (row) => row.before && bytes(row.before.sizeBytes), end: true },
            { name: "After", show: (row) => row.after && bytes(row.after.sizeBytes), end: true },
          ]} />
        </>)}</Shown></Card>
      {open && live.value && <Both key={open} {...{ project, repo, id }} row={live.value.rows.find((row) => row.path === open)} />}
    </>
  );
}

function Against({ project, repo, id, against, parent }) {
  const live = useLive(() => list("pfs_v2.API/ListCommit", { repo: repoOf(project, repo), number: "100", all: true }), [`commits:${project}/${repo}`], [project, repo]);
  const others = (live.value ?? []).filter((info) => info.commit.id !== id);
  return (
    <label class="beside">against<select value={against === "parent" ? (parent ?? "parent") : against} onChange={(event) => setQuery({ against: event.currentTarget.value })}>
      {!parent && <option value="parent">nothing: the first commit</option>}
      {others.map((info) => <option key={info.commit.id} value={info.commit.id}>{info.commit.id.slice(0, 12)}{info.commit.id === parent ? " (parent)" : ""} · {ago(info.started)}</option>)}
      {parent && !others.some((info) => info.commit.id === parent) && <option value={parent}>{parent.slice(0, 12)} (parent)</option>}
    </select></label>
  );
}

async function text(project, repo, info) {
  if (!info) return "";
  const file = await orNull(readFile(project, repo, info.file.commit.id, info.file.path, TEXT_LIMIT));
  if (!file || file.size > TEXT_LIMIT || new Uint8Array(file.bytes).subarray(0, 4096).includes(0)) return null;
  return new TextDecoder().decode(file.bytes);
}

function Both({ project, repo, id, row }) {
  const live = useLive(async () => {
    const [before, after] = await Promise.all([text(project, repo, row.before), text(project, repo, row.after)]);
    return before === null || after === null ? null : compareLines(before, after);
  }, [], [row.path]);
  return (
    <Card title={row.path} aside={row.after && <A to={to.commit(project, repo, id, row.path)}>Open</A>}><Shown live={live}>{(found) => !found ? <Empty>Not a short text on both sides; only the sizes can be compared here.</Empty> : (
      <pre class="difference" tabIndex={0} aria-label={`Changes of ${row.path}`}>{found.map((line, place) => <div key={place} class={line.kind}>{{ added: "+ ", removed: "− ", same: "  ", gap: "" }[line.kind]}{line.text}</div>)}</pre>)}</Shown></Card>
  );
}
