import { useState } from "preact/hooks";
import { orNull, post, readFile, session } from "../api.js";
import { useLive } from "../live.js";
import { Card, Confirm, Empty, Facts, Id, Page, Shown, State, Table, Time } from "../parts.jsx";
import { A, to } from "../route.jsx";
import { cases, champion, decisions, report, versions } from "../things.js";
import { Interval, Pairs } from "../charts.jsx";
import { nsToDate, number } from "../words.js";
import { Importance, Judged } from "./judged.jsx";

export function Models() {
  const live = useLive(async () => Promise.all((await cases()).map(async (one) => ({ ...one, record: await decisions(one.project, one.name) }))), ["repos", "commits:*-decisions"], []);
  return (
    <Page title="Models"><Card flush><Shown live={live}>{(found) => (
      <Table label="Models" rows={found} keyOf={(one) => one.project + one.name} empty="No model yet: a case is known by its repo <case>-policy." columns={[
        { name: "Model", show: (one) => <A to={to.model(one.project, one.name)}>{one.name}</A> },
        { name: "Champion", show: (one) => champion(one.record) ? <Id of={champion(one.record)} to={to.commit(one.project, `${one.name}-model`, champion(one.record))} /> : <span class="quiet">none yet</span> },
        { name: "Last decision", show: (one) => one.record.length ? <><State of={one.record.at(-1).kind} /> <span class="quiet wide-only">{one.record.at(-1).reason}</span></> : "" },
        { name: "When", show: (one) => <Time at={nsToDate(one.record.at(-1)?.at_ns)} />, wideOnly: true },
      ]} />)}</Shown></Card></Page>
  );
}

async function readModel(project, name) {
  const repo = `${name}-model`;
  const [record, comparison, found] = await Promise.all([
    decisions(project, name),
    report(project, `${name}-compare`, "/comparison.json"),
    versions(project, name),
  ]);
  const best = champion(record);
  const card = best && (await orNull(readFile(project, repo, best, "/card.md", 1 << 18)));
  return { record, comparison, versions: found, champion: best, card: card && new TextDecoder().decode(card.bytes) };
}

export const role = (id, model) => (id === model.champion ? "champion" : id === model.versions[0]?.id ? "challenger" : "");

export function Model({ project, name }) {
  const [asking, setAsking] = useState(null);
  const live = useLive(() => readModel(project, name), ["model", "compare", "decisions"].map((part) => `commits:${project}/${name}-${part}`), [project, name]);
  return (
    <Page title={name} kind="model" crumbs={[["Models", "/models"], [project, "/models"]]} actions={<><A class="button" to={`/compare/${encodeURIComponent(project)}/${encodeURIComponent(name)}`}>Compare</A><A class="button" to={to.monitoring(project, name)}>Monitoring</A><A class="button" to={to.repo(project, `${name}-model`)}>Bundles</A></>}>
      <Shown live={live}>{(model) => (
        <>
          <div class="columns">
            <div class="stack">
              <Card title="Versions" flush>
                <Table label="Versions" rows={model.versions} keyOf={(version) => version.id} empty="No model has been trained yet." columns={[
                  { name: "Version", show: (version) => <><Id of={version.id} to={to.commit(project, `${name}-model`, version.id)} /> {role(version.id, model) && <span class={`badge ${role(version.id, model)}`}>{role(version.id, model)}</span>}</> },
                  { name: "Trained", show: (version) => <Time at={version.at} />, wideOnly: true },
                  { name: "Rows", show: (version) => number(version.manifest.rows), end: true },
                  { name: headline(model)[0] ?? "Metric", show: (version) => number(headline({ versions: [version] })[1]), end: true },
                  { name: "", show: (version) => version.id !== model.champion && <button onClick={() => setAsking({ version, back: wasChampion(model.record, version.id) })}>{wasChampion(model.record, version.id) ? "Roll back" : "Promote"}</button>, end: true },
                ]} />
              </Card>
              <Card title="Decisions" flush><Record project={project} name={name} record={model.record} /></Card>
            </div>
            <div class="stack">
              {model.comparison && <Card title="Champion against challenger" aside={<Id of={model.comparison.commit} to={to.commit(project, `${name}-compare`, model.comparison.commit, "/comparison.json")} />}><Comparison of={model.comparison.document} /></Card>}
              <Importance {...{ project, name }} />
              <Judged {...{ project, name }} />
              <Bundle model={model} />
              {model.card && <Card title="Model card"><pre class="prose" tabIndex={0} aria-label="Model card">{model.card}</pre></Card>}
            </div>
          </div>
          {asking && <Decide {...{ project, name, model, asking, done: live.again }} close={() => setAsking(null)} />}
        </>)}</Shown>
    </Page>
  );
}

export const wasChampion = (record, id) => record.some((entry) => entry.subject === id && ["promoted", "rolled_back"].includes(entry.kind));

function headline({ versions }) {
  const metrics = versions[0]?.manifest.metrics ?? {};
  const split = metrics.held_out ?? metrics.cross_validation ?? Object.values(metrics)[0] ?? {};
  const name = ["mae", "accuracy", "rmse"].find((one) => one in split) ?? Object.keys(split)[0];
  return [name, split[name]];
}

export function Decide({ project, name, model, asking, done, close }) {
  const { version, back } = asking;
  return (
    <Confirm title={back ? `Roll ${name} back?` : `Promote this version of ${name}?`} action={back ? "Roll back" : "Promote"} close={close} danger={back}
      says={<p>{version.id.slice(0, 12)} becomes the champion in place of {model.champion?.slice(0, 12) ?? "none"}: the deployment is published anew with it, and no request is dropped. The decision goes on record with your name.</p>}
      fields={[{ name: "actor", label: "Your name", value: session.actor }, { name: "reason", label: "Reason", long: true }]}
      run={async ({ actor, reason }) => {
        session.actor = actor;
        await post("/console/decisions", { project, case: name, kind: back ? "rolled_back" : "promoted", subject: version.id, actor, reason, entries: model.record.length });
        done();
      }} />
  );
}

export const Record = ({ project, name, record }) => record.length ? (
  <ol class="timeline">{[...record].reverse().map((entry) => (
    <li key={entry.at_ns + entry.kind}>
      <div><State of={entry.kind} /><Time at={nsToDate(entry.at_ns)} /><span class="quiet">by {entry.actor}</span></div>
      <p>{entry.reason}</p>
      <p class="quiet"><Id of={entry.subject} to={to.set(entry.subject)} />{entry.evidence && <> on the evidence of <Id of={entry.evidence} to={to.set(entry.evidence)} /></>}</p>
    </li>))}</ol>
) : <Empty>Nothing has been decided yet.</Empty>;

export function Comparison({ of }) {
  const found = of.comparison;
  if (!found || !of.champion) return <Empty>The first model: there was nothing to compare it with.</Empty>;
  return (
    <>
      <p>{found.loss}, on {number(found.rows)} rows of {of.window}. The challenger is {found.improvement > 0 ? "better" : "worse"} by {number(Math.abs(found.improvement))} (p = {number(found.p_value)}).</p>
      {found.interval && <Interval from={found.interval[0]} until={found.interval[1]} at={found.improvement} label="Improvement with its 95% interval; right of zero the challenger is better" />}
      <Table label="Metrics" rows={Object.keys(of.champion.metrics)} keyOf={(metric) => metric} columns={[
        { name: "Metric", show: (metric) => metric },
        { name: "Champion", show: (metric) => number(of.champion.metrics[metric]), end: true },
        { name: "Challenger", show: (metric) => number(of.challenger.metrics[metric]), end: true },
      ]} />
    </>
  );
}

function Bundle({ model }) {
  const version = model.versions.find((one) => one.id === model.champion) ?? model.versions[0];
  if (!version) return null;
  const { manifest } = version;
  return (
    <Card title={version.id === model.champion ? "Champion's bundle" : "Newest version's bundle"}>
      <Facts of={[["Task", manifest.signature.task], ["Target", manifest.signature.target], ["Family", manifest.family], ["Rows", number(manifest.rows)], ["Seed", manifest.seed], ["Model file", manifest.model_file],
        ...Object.entries(manifest.sources ?? {}).map(([input, commit]) => [`From ${input}`, <Id of={commit} to={to.set(commit)} />])]} />
      <p class="quiet"><code>howdah reproduce {version.id}</code> makes it again from its record, and says whether the same comes out.</p>
      <Pairs label="Metrics by split" of={manifest.metrics} />
    </Card>
  );
}
