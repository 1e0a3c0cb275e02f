import { useState } from "preact/hooks";
import { kube, orNull, post, readJson } from "../api.js";
import { Shares } from "../charts.jsx";
import { useLive } from "../live.js";
import { PodLogs } from "../logs.jsx";
import { Card, Empty, Facts, Id, Page, Problem, Shown, State, Table, Time } from "../parts.jsx";
import { A, setQuery, to, usePlace } from "../route.jsx";
import { deployments, modelPlace, SDEP, units } from "../things.js";
import { bytes, number } from "../words.js";

export function Deployments() {
  const live = useLive(deployments, ["deployments"], []);
  return (
    <Page title="Serving"><Card flush><Shown live={live}>{(found) => (
      <Table label="Deployments" rows={found} keyOf={(one) => one.metadata.uid} empty="Nothing is served yet. kubectl apply -f deployment.yaml, or a publish pipeline, makes a deployment." columns={[
        { name: "Deployment", show: (one) => <A to={to.deployment(one.metadata.namespace, one.metadata.name)}>{one.metadata.name}</A> },
        { name: "State", show: (one) => <State of={one.status?.state} title={one.status?.description} /> },
        { name: "Namespace", show: (one) => one.metadata.namespace, wideOnly: true },
        { name: "Model", show: (one) => <Id of={one.metadata.annotations?.["howdah/model-commit"]} /> },
        { name: "Replicas", show: (one) => one.status?.replicas, end: true },
      ]} />)}</Shown></Card></Page>
  );
}

const LOOK_EVERY_MS = 5_000;
const cores = (text) => Number(/^(\d+)n$/.exec(text)?.[1]) / 1e9;

// By pod, what it uses: {cpu, memory}, in cores and bytes.
function usePodUsage(namespace) {
  const live = useLive(async () => {
    const { items } = await kube(`/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods`);
    return Object.fromEntries(items.map((item) => [item.metadata.name, item.containers[0].usage]));
  }, [], [namespace], { every: LOOK_EVERY_MS });
  return (pod) => live.value?.[pod] && { cpu: cores(live.value[pod].cpu), memory: 1024 * parseInt(live.value[pod].memory) };
}

export function Deployment({ namespace, name }) {
  const used = usePodUsage(namespace);
  const pod = usePlace().query.get("pod");
  const live = useLive(async () => {
    const one = await kube(`${SDEP}/namespaces/${namespace}/seldondeployments/${name}`);
    const pods = (await kube(`/api/v1/namespaces/${namespace}/pods`)).items.filter((item) => item.metadata.labels?.["seldon-deployment-id"] === name);
    return { one, pods };
  }, ["deployments"], [namespace, name]);
  const one = live.value?.one;
  return (
    <Page title={name} kind="deployment" state={one?.status?.state} crumbs={[["Serving", "/deployments"], [namespace, "/deployments"]]} actions={<A class="button" to={to.repo("default", `${namespace}-${name}-inferences`)}>Inference log</A>}>
      <Shown live={live}>{({ one, pods }) => (
        <>
          {one.status?.state === "Failed" && <p class="problem" role="alert">{one.status.description}</p>}
          <div class="columns">
            <div class="stack">
              {one.spec.predictors.map((predictor) => (
                <Card key={predictor.name} title={`Predictor ${predictor.name}`} aside={predictor.shadow ? "shadow" : `${answering(one).length > 1 ? predictor.traffic ?? 0 : 100}% of requests`}>
                  <Unit unit={predictor.graph} />
                </Card>))}
              <Card title="Pods" flush><Table label="Pods" rows={pods} keyOf={(item) => item.metadata.name} columns={[
                { name: "Pod", show: (item) => <button class={`link${item.metadata.name === pod ? " chosen" : ""}`} onClick={() => setQuery({ pod: item.metadata.name })}>{item.metadata.name}</button> },
                { name: "Phase", show: (item) => <State of={item.status.phase === "Running" ? "AVAILABLE" : item.status.phase} /> },
                { name: "Ready", show: (item) => { const found = item.status.containerStatuses ?? []; return `${found.filter((container) => container.ready).length}/${found.length}`; }, end: true },
                { name: "Restarts", show: (item) => (item.status.containerStatuses ?? []).reduce((sum, container) => sum + (container.restartCount ?? 0), 0), end: true },
                { name: "CPU", show: (item) => used(item.metadata.name) && `${(100 * used(item.metadata.name).cpu).toFixed(0)}%`, end: true },
                { name: "Memory", show: (item) => used(item.metadata.name) && bytes(used(item.metadata.name).memory), end: true },
                { name: "Started", show: (item) => <Time at={item.status.startTime ?? item.metadata.creationTimestamp} />, wideOnly: true },
              ]} /></Card>
              {pod && <Card title={`Logs of ${pod}`}><PodLogs key={pod} namespace={namespace} pod={pod} /></Card>}
            </div>
            <div class="stack">
              <Card title="About"><Facts of={[["Address", <code class="long">{one.status?.address?.url}</code>], ["Protocol", one.spec.protocol ?? "seldon"], ["Model commit", <Id of={one.metadata.annotations?.["howdah/model-commit"]} to={to.set(one.metadata.annotations?.["howdah/model-commit"])} />], ["Generation", one.metadata.generation], ["Created", <Time at={one.metadata.creationTimestamp} />]]} />
                <ul class="conditions">{(one.status?.conditions ?? []).map((condition) => <li key={condition.type}><State of={condition.status === "True" ? "AVAILABLE" : "PENDING"} /> <span>{condition.type}</span> <span class="quiet">{condition.message || condition.reason}</span></li>)}</ul></Card>
              <Try one={one} />
            </div>
          </div>
        </>)}</Shown>
    </Page>
  );
}

// Whose answers go back: a shadow's never do.
const answering = (one) => one.spec.predictors.filter((predictor) => !predictor.shadow);

function Unit({ unit }) {
  const place = modelPlace(unit.modelUri);
  return (
    <div class="unit">
      <strong>{unit.name}</strong> <span class="kind">{(unit.type ?? unit.implementation ?? "model").toLowerCase().replaceAll("_", " ")}</span>
      {place && <span class="quiet"> <A to={to.commit(place.project, place.repo, place.commit ?? place.branch)}>{place.repo}@{(place.commit ?? place.branch).slice(0, 12)}</A></span>}
      {(unit.children ?? []).map((child) => <Unit key={child.name} unit={child} />)}
    </div>
  );
}

// The form is the model's own signature; its first values are the first row it was tested with. Requests
// go the way of any client's: where they are split, nobody chooses who answers.
function Try({ one }) {
  const [predictor, ...others] = answering(one);
  const leaf = units(predictor.graph).find((unit) => modelPlace(unit.modelUri));
  const place = leaf && modelPlace(leaf.modelUri);
  const at = place && (place.commit ?? place.branch);
  const live = useLive(async () => {
    if (!place) return null;
    const manifest = await orNull(readJson(place.project, place.repo, at, "/model.json"));
    const scenarios = await orNull(readJson(place.project, place.repo, at, "/scenarios.json"));
    return manifest && { manifest, scenarios };
  }, [], [leaf?.modelUri]);
  if ((one.spec.protocol ?? "seldon") !== "v2") return <Card title="Try it"><Empty>The form speaks the V2 protocol; this deployment speaks {one.spec.protocol ?? "seldon"}.</Empty></Card>;
  return <Card title="Try it"><Shown live={live}>{(found) => (found ? <>{others.length > 0 && <p class="quiet">The form is made from {predictor.name}'s model. Which predictor answers is decided by the split.</p>}<Form {...found} one={one} model={predictor.graph.name} /></> : <Empty>This model has no bundle, so its inputs are not known here.</Empty>)}</Shown></Card>;
}

// Shapley values of one row, or whatever else the explainer says.
function Explained({ of }) {
  if (!of.shares) return <pre tabIndex={0} aria-label="Explanation">{JSON.stringify(of, null, 2)}</pre>;
  return (
    <div class="answer">
      <p><strong>{number(of.prediction)}</strong> <span class="quiet">= {number(of.base)} on average and what each input adds</span></p>
      <Shares of={of.shares} label="Adds" />
    </div>
  );
}

function firstValues(inputs, scenarios) {
  return Object.fromEntries(inputs.map((input) => {
    const value = scenarios?.inputs?.[input.name]?.[0] ?? "";
    return [input.name, Array.isArray(value) ? JSON.stringify(value) : String(value)];
  }));
}

export function requestOf(inputs, values) {
  return { inputs: inputs.map((input) => {
    const flat = input.shape.length ? JSON.parse(values[input.name]).flat(Infinity) : [values[input.name]];
    const numeric = input.kind === "number";
    return { name: input.name, datatype: numeric ? "FP64" : "BYTES", shape: [1, ...(input.shape.length ? input.shape : [1])], data: numeric ? flat.map(Number) : flat };
  }) };
}

function Form({ manifest, scenarios, one, model }) {
  const { inputs } = manifest.signature;
  const [values, setValues] = useState(() => firstValues(inputs, scenarios));
  const [answer, setAnswer] = useState(null);
  const [shares, setShares] = useState(null);
  const [error, setError] = useState(null);
  const predictor = one.spec.predictors.find((each) => each.explainer?.type)?.name;
  const ask = async (event) => {
    event.preventDefault();
    setError(null);
    setShares(null);
    const asked = { namespace: one.metadata.namespace, deployment: one.metadata.name, model, request: requestOf(inputs, values) };
    try {
      if (event.submitter?.value === "explain") {
        const said = await post("/console/predict", { ...asked, predictor });
        setShares(JSON.parse(said.outputs[0].data[0]));
      } else setAnswer(await post("/console/predict", asked));
    } catch (failed) {
      setError(failed);
    }
  };
  return (
    <form class="try" onSubmit={ask}>
      <div class="fields">{inputs.map((input) => (
        <label key={input.name}>{input.name}<input type={input.kind === "number" && !input.shape.length ? "number" : "text"} step="any" required value={values[input.name]} onInput={(event) => setValues({ ...values, [input.name]: event.currentTarget.value })} /></label>))}</div>
      <div class="buttons"><button class="primary">Predict</button>{predictor && <button value="explain">Explain</button>}</div>
      {error && <Problem error={error} />}
      {shares && <Explained of={shares} />}
      {answer && <output class="answer" aria-live="polite">
        {(answer.outputs ?? []).map((output) => <div key={output.name}><span class="quiet">{output.name}</span> <strong>{output.data.map((value) => (typeof value === "number" ? Number(value.toPrecision(6)) : value)).join(", ")}</strong></div>)}
        {answer.id && <div class="quiet">Prediction <A to={to.prediction(answer.id)}>{answer.id}</A></div>}
      </output>}
    </form>
  );
}
