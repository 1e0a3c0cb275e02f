// Every data set and model, found by name, owner, description, column, project or day.
import { keptJson, orNull, readJson } from "../api.js";
import { pipelines, repos } from "../lists.js";
import { useLive } from "../live.js";
import { Card, Page, Shown, Table, Time } from "../parts.jsx";
import { A, setQuery, to, usePlace } from "../route.jsx";
import { cases, champion, decisions, finishedHead, ownerOf } from "../things.js";
import { bytes, count } from "../words.js";

const BESIDE = ["policy", "schema", "manifest", "retrain", "decisions", "publish", "model"];
const HOLD_ROWS = /-(raw|clean|split|features)$/;

async function entries() {
  const [all, made, found] = await Promise.all([repos(), pipelines(), cases()]);
  const makers = new Map(made.map((info) => [`${info.pipeline.project.name}/${info.pipeline.name}`, info.details?.description]));
  const known = await Promise.all(found.map(async (one) => ({ ...one, columns: columnsOf(await orNull(readJson(one.project, `${one.name}-schema`, "master", "/schema.json"))) })));
  const caseOf = (project, name) => known.find((one) => one.project === project && name.startsWith(`${one.name}-`));
  const models = await Promise.all(known.map(async (one) => {
    const head = champion(await decisions(one.project, one.name)) ?? (await finishedHead(one.project, `${one.name}-model`))?.commit.id;
    const manifest = head && (await orNull(keptJson(one.project, `${one.name}-model`, head, "/model.json")));
    const info = all.find(({ repo }) => repo.project.name === one.project && repo.name === `${one.name}-model`);
    return manifest && { kind: "model", project: one.project, name: one.name, at: info?.created, address: to.model(one.project, one.name), says: `${manifest.signature.task} of ${manifest.signature.target}, ${manifest.family}`, columns: manifest.signature.inputs.map((input) => input.name), owner: ownerOf(info), size: info };
  }));
  const data = all.filter(({ repo }) => !BESIDE.some((word) => repo.name.endsWith(`-${word}`))).map((info) => {
    const { name, project } = info.repo;
    return { kind: "data set", project: project.name, name, at: info.created, address: to.repo(project.name, name), says: makers.get(`${project.name}/${name}`) || info.description, columns: HOLD_ROWS.test(name) ? (caseOf(project.name, name)?.columns ?? []) : [], owner: ownerOf(info), size: info };
  });
  return [...models.filter(Boolean), ...data];
}

const columnsOf = (schema) => (Array.isArray(schema?.columns) ? schema.columns.map((column) => column.name) : Object.keys(schema?.columns ?? {}));
const within = (at, since) => !since || new Date(at) >= new Date(since);

export function Catalog() {
  const { query } = usePlace();
  const [find, kind, since] = ["find", "kind", "since"].map((name) => query.get(name) ?? "");
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  const live = useLive(entries, ["repos", "pipelines"], []);
  const fits = (one) => (!kind || one.kind === kind) && within(one.at, since) && words.every((word) => [one.name, one.project, one.owner, one.says, ...one.columns].join(" ").toLowerCase().includes(word));
  const hits = (one) => one.columns.filter((column) => words.some((word) => column.toLowerCase().includes(word)));
  return (
    <Page title="Catalog" actions={<>
      <input type="search" class="wide" aria-label="Find by name, owner, description, column or project" placeholder="Name, owner, description, column, project" value={find} onInput={(event) => setQuery({ find: event.currentTarget.value })} />
      <select aria-label="Kind" value={kind} onChange={(event) => setQuery({ kind: event.currentTarget.value })}><option value="">Everything</option><option>data set</option><option>model</option></select>
      <input type="date" aria-label="Made since" value={since} onInput={(event) => setQuery({ since: event.currentTarget.value })} /></>}>
      <Card flush><Shown live={live}>{(all) => (
        <Table label="Catalog" rows={all.filter(fits)} keyOf={(one) => one.kind + one.project + one.name} empty={all.length ? "Nothing fits." : "No data yet."} columns={[
          { name: "Name", show: (one) => <A to={one.address}>{one.name}</A> },
          { name: "Kind", show: (one) => <span class={`badge${one.kind === "model" ? " champion" : ""}`}>{one.kind}</span> },
          { name: "What it is", show: (one) => <span class="quiet">{one.says}</span>, wideOnly: true },
          { name: "Owner", show: (one) => one.owner, wideOnly: true },
          { name: "Columns", show: (one) => <span title={one.columns.join(", ")}>{hits(one).length ? hits(one).join(", ") : one.columns.length ? count(one.columns.length, "column") : ""}</span> },
          { name: "Size", show: (one) => one.size && bytes(one.size.details?.sizeBytes ?? one.size.sizeBytesUpperBound), end: true },
          { name: "Made", show: (one) => <Time at={one.at} />, wideOnly: true },
        ]} />)}</Shown></Card>
    </Page>
  );
}
