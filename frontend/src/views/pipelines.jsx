import { useState } from "preact/hooks";
import { call, list } from "../api.js";
import { pipelines } from "../lists.js";
import { useLive } from "../live.js";
import { Card, Facts, Page, Shown, State, Table, Time } from "../parts.jsx";
import { A, to } from "../route.jsx";
import { inputs } from "../things.js";
import { Act } from "./dag.jsx";
import { JobTable } from "./jobs.jsx";

export function Pipelines() {
  const live = useLive(pipelines, ["pipelines"], []);
  return (
    <Page title="Pipelines"><Card flush><Shown live={live}>{(found) => (
      <Table label="Pipelines" rows={found} keyOf={(info) => info.pipeline.project.name + info.pipeline.name} empty="No pipeline yet. pachctl create pipeline -f spec.json makes one." columns={[
        { name: "Pipeline", show: (info) => <A to={to.pipeline(info.pipeline.project.name, info.pipeline.name)}>{info.pipeline.name}</A> },
        { name: "State", show: (info) => <State of={info.state} title={info.reason} /> },
        { name: "Last job", show: (info) => <State of={info.lastJobState} /> },
        { name: "Description", show: (info) => <span class="quiet">{info.details?.description}</span>, wideOnly: true },
        { name: "Version", show: (info) => info.version, end: true },
      ]} />)}</Shown></Card></Page>
  );
}

export function Pipeline({ project, name }) {
  const pipeline = { name, project: { name: project } };
  const [asking, setAsking] = useState(null);
  const live = useLive(async () => ({
    info: await call("pps_v2.API/InspectPipeline", { pipeline, details: true }),
    jobs: await list("pps_v2.API/ListJob", { pipeline, number: "100" }),
  }), [`pipelines:${project}/${name}`, `jobs:${project}/${name}`], [project, name]);
  const info = live.value?.info;
  const stopped = info?.stopped;
  const actions = info && (
    <>
      <A class="button" to={`/dag?node=${encodeURIComponent(`${project}/${name}`)}`}>In the graph</A>
      <A class="button" to={to.repo(project, name)}>Output</A>
      <button onClick={() => setAsking("rerun")}>Run again</button>
      <button onClick={() => setAsking(stopped ? "start" : "stop")}>{stopped ? "Start" : "Stop"}</button>
    </>
  );
  return (
    <Page title={name} kind="pipeline" state={info?.state} crumbs={[["Pipelines", "/pipelines"], [project, "/pipelines"]]} actions={actions}>
      <Shown live={live}>{({ info, jobs }) => (
        <div class="columns">
          <Card title="Jobs" flush><JobTable jobs={jobs} /></Card>
          <div class="stack">
            <Card title="About">
              <p>{info.details?.description}</p>
              <Facts of={[["Version", info.version], ["Image", info.details?.transform?.image], ["Command", <code>{(info.details?.transform?.cmd ?? []).join(" ")}</code>], ["Created", <Time at={info.details?.createdAt} />], ["Reason", info.reason]]} />
            </Card>
            <Card title="Inputs" flush><Table label="Inputs" rows={inputs(info.details?.input)} keyOf={(input) => input.name + input.repo} columns={[
              { name: "Name", show: (input) => input.name }, { name: "Repo", show: (input) => <A to={to.commit(input.project, input.repo, input.branch)}>{input.repo}@{input.branch}</A> }, { name: "Glob", show: (input) => <code>{input.glob}</code> }]} /></Card>
            <Card title="Specification"><pre tabIndex={0} aria-label="Specification">{pretty(info.effectiveSpecJson)}</pre></Card>
          </div>
        </div>)}</Shown>
      {asking && <Act {...{ asking, info }} again={live.again} close={() => setAsking(null)} />}
    </Page>
  );
}

const pretty = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};
