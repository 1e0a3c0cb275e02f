import { useState } from "preact/hooks";
import { orNull, post, readFile, session } from "../api.js";
import { Bar, Course, Histogram } from "../charts.jsx";
import { useLive } from "../live.js";
import { Card, Confirm, Empty, Facts, Id, Page, Shown, State, Table, Time } from "../parts.jsx";
import { parse } from "../preview.jsx";
import { A, setQuery, to, usePlace } from "../route.jsx";
import { cases, champion, decisions, report, reports, versions } from "../things.js";
import { bytes, number } from "../words.js";
import { Judged } from "./judged.jsx";
import { Comparison, Decide, Record, role, wasChampion } from "./models.jsx";

export function Monitoring({ project, name }) {
  if (!name) return <Cases />;
  return <Watched project={project} name={name} />;
}

function Cases() {
  const live = useLive(async () => Promise.all((await cases()).map(async (one) => ({ ...one, drift: await report(one.project, `${one.name}-drift`, "/drift.json") }))), ["commits:*-drift", "repos"], []);
  return (
    <Page title="Monitoring"><Card flush><Shown live={live}>{(found) => (
      <Table label="Monitored models" rows={found} keyOf={(one) => one.project + one.name} empty="No case is watched yet." columns={[
        { name: "Model", show: (one) => <A to={to.monitoring(one.project, one.name)}>{one.name}</A> },
        { name: "Drift", show: (one) => !one.drift ? <span class="quiet">no report yet</span> : one.drift.document.drifted.length ? <span class="state bad"><span aria-hidden="true">▲</span> {one.drift.document.drifted.join(", ")}</span> : <span class="state good"><span aria-hidden="true">●</span> none</span> },
        { name: "Window", show: (one) => one.drift?.document.window.name, wideOnly: true },
        { name: "Looked", show: (one) => <Time at={one.drift?.at} /> },
      ]} />)}</Shown></Card></Page>
  );
}

const SAMPLE_LIMIT = 4 << 20;

// The row where a longer file was cut is no row.
async function table(project, repo, commit, path) {
  const file = await orNull(readFile(project, repo, commit, path, SAMPLE_LIMIT));
  if (!file) return null;
  const [head, ...rows] = parse(new TextDecoder().decode(file.bytes), ",");
  const cut = file.bytes.byteLength < file.size;
  return { head, rows: cut ? rows.slice(0, -1) : rows, cut };
}

const LOOK_EVERY_MS = 30_000;

async function watched(project, name, asked) {
  const read = { record: decisions(project, name), drift: report(project, `${name}-drift`, "/drift.json"), past: reports(project, `${name}-drift`, "/drift.json"), compared: reports(project, `${name}-compare`, "/comparison.json"), versions: versions(project, name) };
  const found = Object.fromEntries(await Promise.all(Object.entries(read).map(async ([part, value]) => [part, await value])));
  const best = champion(found.record);
  const version = found.versions.find((one) => one.id === (asked ?? best)) ?? found.versions[0];
  const historic = version && (await table(project, `${name}-model`, version.id, "/reference.csv"));
  const live = found.drift && (await table(project, `${name}-clean`, found.drift.commit, `/clean/${found.drift.document.window.name}`));
  return { ...found, champion: best, version, historic, live, at: new Date().toISOString() };
}

function Watched({ project, name }) {
  const { query } = usePlace();
  const asked = query.get("version");
  const [asking, setAsking] = useState(null);
  const topics = ["drift", "compare", "decisions", "model"].map((part) => `commits:${project}/${name}-${part}`);
  const live = useLive(() => watched(project, name, asked), topics, [project, name, asked], { every: LOOK_EVERY_MS, keep: true });
  const found = live.value;
  const actions = (
    <>
      {found?.version && <Version {...found} asked={asked} />}
      <A class="button" to={to.model(project, name)}>Model</A>
      {found?.version && found.version.id !== found.champion && <button onClick={() => setAsking("champion")} disabled={live.loading}>Make champion</button>}
      <button onClick={() => setAsking("retrain")} disabled={live.loading || !found?.drift}>Retrain</button>
    </>
  );
  return (
    <Page title={name} kind="monitoring" crumbs={[["Monitoring", "/monitoring"], [project, "/monitoring"]]} actions={actions}>
      <Shown live={live}>{(found) => (
        <>
          <div class="columns" aria-busy={live.loading}>
            <div class="stack">
              <Drift {...found} {...{ project, name }} chosen={query.get("column")} />
              <Metrics {...found} />
              <Card title="Decisions" flush><Record project={project} name={name} record={found.record} /></Card>
            </div>
            <div class="stack">
              <Columns {...found} chosen={query.get("column")} />
              <Past {...found} chosen={query.get("column")} />
              <Judged {...{ project, name }} version={found.version?.id} />
              <Card title="Champion against challenger">{found.compared.length ? <Comparison of={found.compared[0].document} /> : <Empty>No comparison yet: it needs a champion and a challenger.</Empty>}</Card>
            </div>
          </div>
          {asking === "champion" && <Decide {...{ project, name, model: found }} asking={{ version: found.version, back: wasChampion(found.record, found.version.id) }} done={live.again} close={() => setAsking(null)} />}
          {asking === "retrain" && <Retrain {...{ project, name, found }} done={live.again} close={() => setAsking(null)} />}
        </>)}</Shown>
    </Page>
  );
}

// What was chosen stands there at once, though the page still shows what it showed.
const Version = ({ version, versions, champion, asked }) => (
  <label class="beside">version<select value={versions.some((one) => one.id === asked) ? asked : version.id} onChange={(event) => setQuery({ version: event.currentTarget.value })}>
    {versions.map((one) => <option key={one.id} value={one.id}>{one.id.slice(0, 12)} {role(one.id, { versions, champion })}</option>)}
  </select></label>
);

function Retrain({ project, name, found, done, close }) {
  const { version, drift, record } = found;
  return (
    <Confirm title={`Retrain ${name}?`} action="Retrain" close={close}
      says={<p>A model of the kind of {version.id.slice(0, 12)} ({version.manifest.family}, its parameters and its seed) is trained on all data, historic and live, because of the drift report {drift.commit.slice(0, 12)}. So are the models of data that come later, until a retraining is asked for again. It becomes the challenger; it is promoted only if the policy says so. The decision goes on record with your name.</p>}
      fields={[{ name: "actor", label: "Your name", value: session.actor }, { name: "reason", label: "Reason", long: true }]}
      run={async ({ actor, reason }) => {
        session.actor = actor;
        await post("/console/decisions", { project, case: name, kind: "retrained", subject: drift.commit, like: version.id, actor, reason, entries: record.length });
        done();
      }} />
  );
}

// Historic: as it was trained. Live: on the newest rows that it was compared on.
function Metrics({ version, compared, at }) {
  if (!version) return null;
  const { metrics } = version.manifest;
  const [split, historic] = Object.entries(metrics).find(([name]) => name !== "naive") ?? ["", {}];
  const side = (document) => [document.champion, document.challenger].find((one) => one?.commit === version.id)?.metrics;
  const newest = compared.find(({ document }) => side(document));
  const live = newest ? side(newest.document) : {};
  return (
    <Card title="Historic and live" aside={<>looked <Time at={at} /></>}>
      <Table label="Historic and live" rows={Object.keys({ ...historic, ...live })} keyOf={(metric) => metric} columns={[
        { name: "Metric", show: (metric) => metric },
        { name: `Historic, ${split.replaceAll("_", " ")}`, show: (metric) => number(historic[metric]), end: true },
        { name: "Live", show: (metric) => number(live[metric]), end: true },
      ]} />
      <p class="quiet">{newest ? `Live are ${number(newest.document.rows)} rows of ${newest.document.window} that it has not learned from.` : "It has not been compared on live rows."}</p>
    </Card>
  );
}

function Drift({ drift, project, name, chosen }) {
  if (!drift) return <Card title="Drift"><Empty>No drift report yet. The pipeline {name}-drift writes one for each window of data.</Empty></Card>;
  const { window, columns, drifted, note, champion } = drift.document;
  const most = Math.max(...columns.map((column) => column.distance), 0.01);
  return (
    <Card title="Drift" aside={<Id of={drift.commit} to={to.commit(project, `${name}-drift`, drift.commit, "/drift.json")} />}>
      <p>{drifted.length ? `${drifted.join(", ")} moved` : "Nothing moved"} between what the champion learned from and {window.name}. {note}</p>
      <Facts of={[["Champion", <Id of={champion} to={to.commit(project, `${name}-model`, champion)} />], ["Looked", <Time at={drift.at} />]]} />
      <Table label="Inputs" rows={columns} keyOf={(column) => column.name} columns={[
        { name: "Input", show: (column) => <button class={`link${column.name === chosen ? " chosen" : ""}`} onClick={() => setQuery({ column: column.name })}>{column.name}</button> },
        { name: "Distance", show: (column) => <span class="measure"><Bar value={column.distance} most={most} bad={column.drifted} />{number(column.distance)}</span> },
        { name: "p", show: (column) => number(column.p_value), end: true },
        { name: "", show: (column) => (column.drifted ? <span class="state bad"><span aria-hidden="true">▲</span> moved</span> : <span class="state quiet"><span aria-hidden="true">○</span> steady</span>) },
      ]} />
    </Card>
  );
}

function Past({ past, drift, chosen }) {
  const names = drift?.document.columns.map((column) => column.name) ?? [];
  const wanted = names.includes(chosen) ? chosen : (drift?.document.drifted[0] ?? names[0]);
  if (!wanted || !past.length) return null;
  const points = past.map(({ document, commit }) => ({ at: commit, label: document.window.name, marks: document.drifted, values: Object.fromEntries(document.columns.map((column) => [column.name, column.distance])) })).reverse();
  return <Card title="Drift over time" aside={wanted}><Course points={points} chosen={wanted} label={`Distance of ${wanted} from what the champion of the day learned from, window by window; filled where it moved`} /></Card>;
}

function Columns({ drift, historic, live, chosen }) {
  const shared = historic && live ? historic.head.filter((column) => live.head.includes(column)) : [];
  const wanted = shared.includes(chosen) ? chosen : (drift?.document.drifted.find((column) => shared.includes(column)) ?? shared[0]);
  if (!wanted) return <Card title="Historic against live"><Empty>No sample of both yet.</Empty></Card>;
  const pick = (table) => table.rows.map((row) => row[table.head.indexOf(wanted)]).filter((value) => value !== undefined && value !== "");
  const [before, now] = [pick(historic), pick(live)];
  const numeric = [...before, ...now].every((value) => Number.isFinite(Number(value)));
  const levels = [...new Set([...before, ...now])].slice(0, 12);
  const share = (values, level) => values.filter((value) => value === level).length / (values.length || 1);
  return (
    <Card title="Historic against live" aside={<select aria-label="Variable" value={wanted} onChange={(event) => setQuery({ column: event.currentTarget.value })}>{shared.map((column) => <option key={column}>{column}</option>)}</select>}>
      {(historic.cut || live.cut) && <p class="quiet">Of {historic.cut && live.cut ? "both" : historic.cut ? "the historic rows" : "the live rows"} the first {bytes(SAMPLE_LIMIT)} are shown.</p>}
      {numeric ? <Histogram before={before.map(Number)} now={now.map(Number)} label={`${wanted}, historic against live`} /> : (
        <Table label={wanted} rows={levels} keyOf={(level) => level} columns={[{ name: wanted, show: (level) => level }, { name: "Historic", show: (level) => `${(100 * share(before, level)).toFixed(0)}%`, end: true }, { name: "Live", show: (level) => `${(100 * share(now, level)).toFixed(0)}%`, end: true }]} />)}
    </Card>
  );
}
