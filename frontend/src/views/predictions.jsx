import { useState } from "preact/hooks";
import { request } from "../api.js";
import { useLive } from "../live.js";
import { Card, Id, Page, Shown, Table, Time } from "../parts.jsx";
import { A, go, to } from "../route.jsx";
import { number } from "../words.js";

export function Predictions() {
  const [id, set] = useState("");
  const live = useLive(async () => (await request("/console/predictions")).json(), ["commits:*-inferences"], []);
  return (
    <Page title="Predictions">
      <Card title="Why was this predicted?">
        <form class="inline" onSubmit={(event) => { event.preventDefault(); go(to.prediction(id.trim())); }}>
          <label>Prediction ID<input required value={id} onInput={(event) => set(event.currentTarget.value)} /></label>
          <button class="primary">Look it up</button>
        </form>
        <p class="quiet">Every answer carries its ID, in the body as <code>id</code> and in the header <code>Seldon-Puid</code>. It can be looked up once it is in the inference log, within a minute.</p>
      </Card>
      <Card title="The last ones on record" flush><Shown live={live}>{(found) => (
        <Table label="Predictions" rows={found} keyOf={(one) => one.id} empty="Nothing has been answered yet, or no deployment logs what it answers (logger: mode: all)." columns={[
          { name: "Prediction", show: (one) => <A class="id" to={to.prediction(one.id)}>{one.id}</A> },
          { name: "Deployment", show: (one) => <A to={to.deployment(one.namespace, one.deployment)}>{one.deployment}</A> },
          { name: "Answered", show: (one) => one.answered },
          { name: "Asked", show: (one) => <span class="quiet">{one.asked}</span>, wideOnly: true },
          { name: "Model", show: (one) => <Id of={one.model_commit} to={to.set(one.model_commit)} />, wideOnly: true },
          { name: "Took", show: (one) => `${number(one.latency_ms)} ms`, end: true },
          { name: "Made", show: (one) => <Time at={one.time} />, wideOnly: true },
        ]} />)}</Shown></Card>
    </Page>
  );
}

export function Prediction({ id }) {
  const live = useLive(async () => (await request(`/console/why/${encodeURIComponent(id)}`)).json(), ["commits"], [id]);
  return (
    <Page title={id} kind="prediction" crumbs={[["Predictions", "/predictions"]]}>
      <Shown live={live}>{(why) => <Tree of={why} />}</Shown>
    </Page>
  );
}

const words = (name) => { const text = name.replaceAll("_", " "); return text[0].toUpperCase() + text.slice(1); };
const simple = (value) => value === null || typeof value !== "object";

// The answer's own structure: a card for each part, commits as links.
function Tree({ of }) {
  const plain = Object.entries(of).filter(([, value]) => simple(value));
  const parts = Object.entries(of).filter(([, value]) => !simple(value));
  return (
    <>
      <Pairs of={plain} />
      <div class="cards">{parts.map(([name, value]) => <Card key={name} title={words(name)}><Value of={value} /></Card>)}</div>
    </>
  );
}

const Pairs = ({ of }) => <dl class="facts">{of.filter(([, value]) => value !== "" && value !== null).map(([name, value]) => <div key={name}><dt>{words(name)}</dt><dd><Word of={value} /></dd></div>)}</dl>;
const Word = ({ of }) => (typeof of === "string" && /^[0-9a-f]{32}$/.test(of) ? <A class="id" to={to.set(of)}>{of.slice(0, 12)}</A> : <span>{String(of)}</span>);

function Value({ of }) {
  if (simple(of)) return <Word of={of} />;
  if (Array.isArray(of)) return of.every(simple) ? <span>{of.map(String).join(", ")}</span> : <ul class="plain">{of.map((item, place) => <li key={place}><Value of={item} /></li>)}</ul>;
  const plain = Object.entries(of).filter(([, value]) => simple(value));
  return <><Pairs of={plain} />{Object.entries(of).filter(([, value]) => !simple(value)).map(([name, value]) => <div key={name} class="nested"><h3>{words(name)}</h3><Value of={value} /></div>)}</>;
}
