import { list } from "../api.js";
import { pipelines, repos } from "../lists.js";
import { useLive } from "../live.js";
import { Card, Empty, Id, Page, Shown, State, Time } from "../parts.jsx";
import { A, to } from "../route.jsx";
import { cases, decisions, deployments, waiting } from "../things.js";
import { count, mood, nsToDate, took } from "../words.js";

// Of all cases: what was decided, newest first, and what waits for a person.
async function everyDecision() {
  const found = await Promise.all((await cases()).map(async (one) => {
    const record = await decisions(one.project, one.name);
    const open = await waiting(one.project, one.name, record);
    return { made: record.map((entry) => ({ ...entry, case: one })), open: open.map(({ act, entry }) => ({ ...entry, act, case: one })) };
  }));
  const newest = (part) => found.flatMap((one) => one[part]).sort((a, b) => b.at_ns - a.at_ns);
  return { made: newest("made"), open: newest("open") };
}

export function Home() {
  const live = useLive(
    async () => {
      const read = { repos: repos(), pipelines: pipelines(), deployments: deployments(), jobs: list("pps_v2.API/ListJob", { number: "12" }), decisions: everyDecision() };
      return Object.fromEntries(await Promise.all(Object.entries(read).map(async ([name, found]) => [name, await found])));
    },
    ["repos", "jobs", "pipelines", "deployments", "commits:*-decisions"],
    [],
  );
  return <Page title="Home"><Shown live={live}>{(all) => <Overview {...all} />}</Shown></Page>;
}

function Overview({ repos, pipelines, deployments, jobs, decisions }) {
  const failing = pipelines.filter((info) => mood(info.state) === "bad" || mood(info.lastJobState) === "bad");
  const running = jobs.filter((info) => mood(info.state) === "busy");
  const ready = deployments.filter((one) => one.status?.state === "Available");
  return (
    <>
      <ul class="tiles">
        <Tile to="/repos" value={repos.length} name={repos.length === 1 ? "repo" : "repos"} />
        <Tile to="/pipelines" value={pipelines.length} name={pipelines.length === 1 ? "pipeline" : "pipelines"} says={failing.length ? `${failing.length} need attention` : "all well"} bad={failing.length > 0} />
        <Tile to="/jobs" value={running.length} name={running.length === 1 ? "job at work" : "jobs at work"} />
        <Tile to="/deployments" value={`${ready.length}/${deployments.length}`} name="deployments available" bad={ready.length < deployments.length} />
      </ul>
      <div class="columns">
        <Card title="Newest jobs" aside={<A to="/jobs">All jobs</A>} flush>
          {jobs.length ? <ul class="rows">{jobs.map((info) => (
            <li key={`${info.job.pipeline.name}@${info.job.id}`}>
              <A to={to.job(info.job.pipeline.project.name, info.job.pipeline.name, info.job.id)}>{info.job.pipeline.name}</A>
              <State of={info.state} /><span class="quiet">{took(info.started, info.finished)}</span><Time at={info.created} />
            </li>))}</ul> : <Empty>No job has run yet. A pipeline starts one for every commit to its inputs.</Empty>}
        </Card>
        <div class="stack">
          <Card title="Decisions waiting" flush>
            <Entries of={decisions.open} empty="Nothing waits for you." label={(entry) => <strong>{entry.act}?</strong>} address={(entry) => (entry.act === "promote" ? to.model : to.monitoring)(entry.case.project, entry.case.name)} />
          </Card>
          <Card title="Decisions" flush>
            <Entries of={decisions.made.slice(0, 12)} empty="Nothing has been decided yet." label={(entry) => <State of={entry.kind} />} address={(entry) => to.model(entry.case.project, entry.case.name)} />
          </Card>
        </div>
      </div>
    </>
  );
}

const Entries = ({ of, empty, label, address }) => of.length ? (
  <ul class="rows decisions">{of.map((entry) => (
    <li key={entry.at_ns + entry.subject}>
      {label(entry)}<A to={address(entry)}>{entry.case.name}</A>
      <span class="reason">{entry.reason}</span><Time at={nsToDate(entry.at_ns)} />
    </li>))}</ul>
) : <Empty>{empty}</Empty>;

const Tile = ({ to, value, name, says, bad }) => (
  <li><A to={to}><strong>{value}</strong><span>{name}</span>{says && <small class={bad ? "bad" : ""}>{says}</small>}</A></li>
);
