import { useState } from "preact/hooks";
import { keptJson, list, orNull, post, readFile, repoOf, session } from "../api.js";
import { Bar, Course, Histogram } from "../charts.jsx";
import { useLive } from "../live.js";
import { Card, Confirm, Empty, Facts, Id, Page, Shown, State, Table, Time } from "../parts.jsx";
import { parse } from "../preview.jsx";
import { A, setQuery, to, usePlace } from "../route.jsx";
import { cases, champion, decisions, filesOf, report } from "../things.js";
import { number } from "../words.js";
import { Judged } from "./judged.jsx";
import { Comparison, Record } from "./models.jsx";

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

async function table(project, repo, commit, path) {
  const file = await orNull(readFile(project, repo, commit, path, 4 << 20));
  if (!file) return null;
  const [head, ...rows] = parse(new TextDecoder().decode(file.bytes), ",");
  return { head, rows };
}

const WINDOWS = 30;

// The reports of the newest windows, oldest first.
async function history(project, name) {
  const repo = `${name}-drift`;
  const commits = (await orNull(list("pfs_v2.API/ListCommit", { repo: repoOf(project, repo), number: String(WINDOWS) }))) ?? [];
  const read = commits.filter((info) => info.finished && !info.error).map(async (info) => {
    const document = await orNull(keptJson(project, repo, info.commit.id, "/drift.json"));
    return document && { at: info.commit.id, label: document.window.name, marks: document.drifted, values: Object.fromEntries(document.columns.map((column) => [column.name, column.distance])) };
  });
  return (await Promise.all(read)).filter(Boolean).reverse();
}

async function watched(project, name) {
  const [record, drift, comparison, past] = await Promise.all([decisions(project, name), report(project, `${name}-drift`, "/drift.json"), report(project, `${name}-compare`, "/comparison.json"), history(project, name)]);
  const against = drift?.document.champion ?? champion(record);
  const historic = against && (await table(project, `${name}-model`, against, "/reference.csv"));
  const live = drift && (await table(project, `${name}-clean`, drift.commit, `/clean/${drift.document.window.name}`));
  return { record, drift, comparison, historic, live, past };
}

function Watched({ project, name }) {
  const { query } = usePlace();
  const [asking, setAsking] = useState(false);
  const live = useLive(() => watched(project, name), ["drift", "compare", "decisions", "model"].map((part) => `commits:${project}/${name}-${part}`), [project, name]);
  return (
    <Page title={name} kind="monitoring" crumbs={[["Monitoring", "/monitoring"], [project, "/monitoring"]]} actions={<><A class="button" to={to.model(project, name)}>Model</A><button onClick={() => setAsking(true)} disabled={!live.value?.drift}>Retrain</button></>}>
      <Shown live={live}>{(found) => (
        <>
          <div class="columns">
            <div class="stack">
              <Drift {...found} {...{ project, name }} chosen={query.get("column")} />
              <Card title="Decisions" flush><Record project={project} name={name} record={found.record} /></Card>
            </div>
            <div class="stack">
              <Columns {...found} chosen={query.get("column")} />
              <Past {...found} chosen={query.get("column")} />
              <Judged {...{ project, name }} />
              <Card title="Champion against challenger">{found.comparison ? <Comparison of={found.comparison.document} /> : <Empty>No comparison yet: it needs a champion and a challenger.</Empty>}</Card>
            </div>
          </div>
          {asking && <Confirm title={`Retrain ${name}?`} action="Retrain" close={() => setAsking(false)}
            says={<p>A model is trained on everything that has arrived, as if the drift report {found.drift.commit.slice(0, 12)} had asked for it. It becomes the challenger; it is promoted only if the policy says so. The decision goes on record with your name.</p>}
            fields={[{ name: "actor", label: "Your name", value: session.actor }, { name: "reason", label: "Reason", long: true }]}
            run={async ({ actor, reason }) => { session.actor = actor; await post("/console/decisions", { project, case: name, kind: "retrained", subject: found.drift.commit, actor, reason, entries: found.record.length }); live.again(); }} />}
        </>)}</Shown>
    </Page>
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
  return <Card title="Drift over time" aside={wanted}><Course points={past} chosen={wanted} label={`Distance of ${wanted} from what the champion of the day learned from, window by window; filled where it moved`} /></Card>;
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
      {numeric ? <Histogram before={before.map(Number)} now={now.map(Number)} label={`${wanted}, historic against live`} /> : (
        <Table label={wanted} rows={levels} keyOf={(level) => level} columns={[{ name: wanted, show: (level) => level }, { name: "Historic", show: (level) => `${(100 * share(before, level)).toFixed(0)}%`, end: true }, { name: "Live", show: (level) => `${(100 * share(now, level)).toFixed(0)}%`, end: true }]} />)}
    </Card>
  );
}
