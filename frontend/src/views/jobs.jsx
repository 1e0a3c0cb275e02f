import { useState } from "preact/hooks";
import { call, list } from "../api.js";
import { useLive } from "../live.js";
import { Logs } from "../logs.jsx";
import { Card, Facts, Id, Page, Problem, Shown, State, Table, Time } from "../parts.jsx";
import { useRange } from "../range.js";
import { A, setQuery, to, usePlace } from "../route.jsx";
import { bytes, commitState, mood, number, took } from "../words.js";
import { Act } from "./dag.jsx";

const done = (info) => `${Number(info.dataProcessed) + Number(info.dataSkipped) + Number(info.dataRecovered)}/${info.dataTotal}`;

export const JobTable = ({ jobs, named }) => (
  <Table label="Jobs" rows={jobs} keyOf={(info) => info.job.pipeline.project.name + info.job.pipeline.name + info.job.id} columns={[
    { name: "Job", show: (info) => <A to={to.job(info.job.pipeline.project.name, info.job.pipeline.name, info.job.id)}>{named ? info.job.pipeline.name : <code>{info.job.id.slice(0, 12)}</code>}</A> },
    { name: "State", show: (info) => <State of={info.state} title={info.reason} /> },
    ...(named ? [{ name: "Global ID", show: (info) => <Id of={info.job.id} to={to.set(info.job.id)} />, wideOnly: true }] : []),
    { name: "Datums", show: done, end: true },
    { name: "Took", show: (info) => took(info.started, info.finished), end: true },
    { name: "Created", show: (info) => <Time at={info.created} />, wideOnly: true },
  ]} />
);

export function Jobs() {
  const { query } = usePlace();
  const state = query.get("state") ?? "";
  const live = useLive(() => list("pps_v2.API/ListJob", { number: "1000" }), ["jobs"], []);
  return (
    <Page title="Jobs" actions={
      <select aria-label="State" value={state} onChange={(event) => setQuery({ state: event.currentTarget.value })}>
        <option value="">Every state</option><option value="busy">At work</option><option value="good">Succeeded</option><option value="bad">Failed</option>
      </select>}>
      <Card flush><Shown live={live}>{(jobs) => <JobTable named jobs={jobs.filter((info) => !state || mood(info.state) === state)} />}</Shown></Card>
    </Page>
  );
}

export function Job({ project, pipeline, id }) {
  const { query } = usePlace();
  const job = { id, pipeline: { name: pipeline, project: { name: project } } };
  const datum = query.get("datum");
  const [asking, setAsking] = useState(false);
  const live = useLive(() => call("pps_v2.API/InspectJob", { job, details: true }), [`jobs:${project}/${pipeline}`], [project, pipeline, id]);
  const info = live.value;
  const busy = info && mood(info.state) === "busy";
  return (
    <Page title={pipeline} kind={`job ${id.slice(0, 12)}`} state={info?.state} crumbs={[["Jobs", "/jobs"], [pipeline, to.pipeline(project, pipeline)]]}
      actions={<><A class="button" to={to.dag(id)}>This ID in the graph</A>{busy && <button onClick={() => setAsking(true)}>Stop</button>}</>}>
      <Shown live={live}>{(info) => (
        <>
          {info.reason && <p class="problem">{info.reason}</p>}
          <Facts of={[["Global ID", <A class="id" to={to.set(id)}>{id}</A>], ["Datums", done(info)], ["Skipped", info.dataSkipped], ["Failed", info.dataFailed], ["Started", <Time at={info.started} />], ["Took", took(info.started, info.finished)],
            ["Read", bytes(info.stats?.downloadBytes)], ["Written", bytes(info.stats?.uploadBytes)], ["Output", <A to={to.commit(project, pipeline, id)}>{pipeline}@{id.slice(0, 12)}</A>]]} />
          <div class="columns">
            <Datums job={job} chosen={datum} told={done(info) + info.dataFailed} />
            <Card title="Logs"><Logs key={id + datum} job={job} datum={datum} follow={busy} /></Card>
          </div>
        </>)}</Shown>
      {asking && <Act asking="kill" info={job} job={{ job }} again={live.again} close={() => setAsking(false)} />}
    </Page>
  );
}

const DATUMS = 1000;
// A duration as the gateway writes it: 0.089581181s.
const seconds = (text) => (text ? `${number(Number.parseFloat(text))} s` : "");
const failedFirst = (rows) => [...rows.filter((one) => mood(one.state) === "bad"), ...rows.filter((one) => mood(one.state) !== "bad")];

const keyOf = (one) => one.datum.id;

function Datums({ job, chosen, told }) {
  const { rows, more, loading, error, next, view } = useRange(async (last) => {
    const found = await list("pps_v2.API/ListDatum", { job, number: String(DATUMS), ...(last ? { paginationMarker: last.datum.id } : {}) });
    return { rows: found, more: found.length === DATUMS };
  }, [job.id], told, keyOf);
  return (
    <Card title="Datums" aside={chosen && <button onClick={() => setQuery({ datum: null })}>All datums</button>} flush>
      {error ? <Problem error={error} /> : loading ? <p class="empty waiting" role="status">Reading…</p> : (
        <Table label="Datums" rows={failedFirst(rows)} more={more} next={next} view={view} keyOf={keyOf} empty="No datums yet." columns={[
          { name: "Datum", show: (one) => <button class={`link${one.datum.id === chosen ? " chosen" : ""}`} onClick={() => setQuery({ datum: one.datum.id })}><code>{one.datum.id.slice(0, 12)}</code></button> },
          { name: "State", show: (one) => <State of={one.state} /> },
          { name: "Inputs", show: (one) => (one.data ?? []).map((data) => `${data.file.commit.repo.name}:${data.file.path}`).join(", "), wideOnly: true },
          { name: "Took", show: (one) => seconds(one.stats?.processTime), end: true },
        ]} />)}
    </Card>
  );
}

export function CommitSet({ id }) {
  const live = useLive(async () => ({
    commits: await list("pfs_v2.API/InspectCommitSet", { commitSet: { id } }),
    jobs: await list("pps_v2.API/InspectJobSet", { jobSet: { id } }),
  }), ["commits", "jobs"], [id]);
  return (
    <Page title={id.slice(0, 12)} kind="global ID" actions={<A class="button" to={to.dag(id)}>In the graph</A>}>
      <Shown live={live}>{({ commits, jobs }) => (
        <div class="columns">
          <Card title="Jobs" flush><JobTable named jobs={jobs} /></Card>
          <Card title="Commits" flush><Table label="Commits" rows={commits.filter((info) => info.commit.repo.type === "user")} keyOf={(info) => info.commit.repo.project.name + info.commit.repo.name} columns={[
            { name: "Commit", show: (info) => <A to={to.commit(info.commit.repo.project.name, info.commit.repo.name, info.commit.id)}>{info.commit.repo.name}</A> },
            { name: "State", show: (info) => <State of={commitState(info)} /> },
            { name: "", show: (info) => <span class="quiet">{info.commit.id === id ? "made by it" : "read by it"}</span>, wideOnly: true },
            { name: "Size", show: (info) => bytes(info.details?.sizeBytes ?? info.sizeBytesUpperBound), end: true },
          ]} /></Card>
        </div>)}</Shown>
    </Page>
  );
}
