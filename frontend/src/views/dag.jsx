// Everything that data flows through, from left to right: repos, pipelines with their output
// repos, deployments, inference logs. By one global ID only what that ID touched stands out.
import { Graph, layout } from "@dagrejs/dagre";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { call, list, orNull } from "../api.js";
import { useLive } from "../live.js";
import { Card, Facts, Id, Page, Shown, State, Time } from "../parts.jsx";
import { A, setQuery, to, usePlace } from "../route.jsx";
import { deployments, inputs, modelPlace, pipelines, ref, repos, units } from "../things.js";
import { mood, shown } from "../words.js";

const WIDE = 190;
const HIGH = 52;

// Pure: what is drawn for these objects. A pipeline stands for its output repo too.
export function nodesAndEdges(allRepos, allPipelines, allDeployments, project) {
  const nodes = new Map();
  const edges = [];
  const mine = (name) => !project || name === project;
  for (const info of allPipelines) {
    if (!mine(info.pipeline.project.name)) continue;
    const id = ref(info.pipeline);
    nodes.set(id, { id, kind: "pipeline", name: info.pipeline.name, info, state: info.lastJobState && mood(info.lastJobState) !== "quiet" ? info.lastJobState : info.state });
  }
  for (const info of allRepos) {
    const id = ref(info.repo);
    if (mine(info.repo.project.name) && !nodes.has(id)) nodes.set(id, { id, kind: "repo", name: info.repo.name, info });
  }
  for (const info of allPipelines)
    for (const input of inputs(info.details?.input)) {
      const from = `${input.project}/${input.repo}`;
      if (nodes.has(from) && nodes.has(ref(info.pipeline))) edges.push([from, ref(info.pipeline)]);
    }
  for (const one of allDeployments) {
    const { name, namespace } = one.metadata;
    const id = `deployment:${namespace}/${name}`;
    const sources = (one.spec.predictors ?? []).flatMap((predictor) => units(predictor.graph)).map((unit) => modelPlace(unit.modelUri)).filter(Boolean).map((place) => `${place.project}/${place.repo}`).filter((source) => nodes.has(source));
    if (project && !sources.length) continue;
    nodes.set(id, { id, kind: "deployment", name, info: one, state: one.status?.state });
    for (const source of new Set(sources)) edges.push([source, id]);
    const log = [...nodes.keys()].find((key) => key.endsWith(`/${namespace}-${name}-inferences`));
    if (log) edges.push([id, log]);
  }
  return { nodes: [...nodes.values()], edges: [...new Map(edges.map((edge) => [edge.join("→"), edge])).values()] };
}

function placed({ nodes, edges }) {
  const graph = new Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 18, ranksep: 56, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(node.id, { width: WIDE, height: HIGH });
  for (const [from, into] of edges) graph.setEdge(from, into);
  if (nodes.length) layout(graph);
  const size = graph.graph();
  return {
    at: new Map(nodes.map((node) => [node.id, graph.node(node.id)])),
    paths: edges.map(([from, into]) => ({ from, into, points: graph.edge(from, into).points })),
    width: size.width || 1,
    height: size.height || 1,
  };
}

export function Dag() {
  const { query } = usePlace();
  const set = query.get("set");
  const project = query.get("project");
  const live = useLive(
    async () => ({ repos: await repos(), pipelines: await pipelines(), deployments: await deployments() }),
    ["repos", "pipelines", "jobs", "deployments"], []);
  const touched = useLive(
    async () => {
      if (!set) return null;
      const commits = await orNull(list("pfs_v2.API/InspectCommitSet", { commitSet: { id: set } }));
      const jobs = (await orNull(list("pps_v2.API/InspectJobSet", { jobSet: { id: set } }))) ?? [];
      return commits && { commits, jobs };
    }, ["commits", "jobs"], [set]);
  return (
    <Page title="Graph" actions={<Filters set={set} project={project} projects={[...new Set((live.value?.repos ?? []).map((info) => info.repo.project.name))]} />}>
      {set && touched.value === null && !touched.loading && <p class="problem" role="alert">There is no commit set {set}.</p>}
      <Shown live={live}>{(all) => <Drawing all={all} project={project} set={set} touched={touched.value} selected={query.get("node")} />}</Shown>
    </Page>
  );
}

function Filters({ set, project, projects }) {
  return (
    <>
      {projects.length > 1 && (
        <select aria-label="Project" value={project ?? ""} onChange={(event) => setQuery({ project: event.currentTarget.value })}>
          <option value="">All projects</option>
          {projects.map((name) => <option key={name}>{name}</option>)}
        </select>
      )}
      <input type="search" class="wide" aria-label="Filter by global ID" placeholder="Filter by global ID" value={set ?? ""}
        onInput={(event) => { const id = event.currentTarget.value.trim(); if (!id || /^[0-9a-f]{32}$/.test(id)) setQuery({ set: id }); }} />
    </>
  );
}

function Drawing({ all, project, set, touched, selected }) {
  const drawn = nodesAndEdges(all.repos, all.pipelines, all.deployments, project);
  const shape = JSON.stringify([drawn.nodes.map((node) => node.id), drawn.edges]);
  const where = useMemo(() => placed(drawn), [shape]);
  const jobs = new Map((touched?.jobs ?? []).map((info) => [ref(info.job.pipeline), info]));
  const inSet = new Set((touched?.commits ?? []).filter((info) => info.commit.repo.type === "user").map((info) => ref(info.commit.repo)));
  const states = new Map(drawn.nodes.map((node) => [node.id, set ? jobs.get(node.id)?.state : node.state]));
  if (set && touched) for (const node of drawn.nodes) if (node.kind === "deployment" && node.info.metadata.annotations?.["howdah/model-commit"] === set) {
    inSet.add(node.id);
    states.set(node.id, node.state);
  }
  const node = drawn.nodes.find((one) => one.id === selected);
  if (!drawn.nodes.length) return <p class="empty">No repo yet. <code>pachctl create repo images</code> makes the first.</p>;
  return (
    <div class={`dag${node ? " with-panel" : ""}`}>
      <Canvas where={where}>
        {where.paths.map(({ from, into, points }) => (
          <path key={`${from}→${into}`} d={curve(points)} class={`edge${set && !(inSet.has(from) && inSet.has(into)) ? " faded" : ""}`} />
        ))}
        {drawn.nodes.map((one) => (
          <Node key={one.id} node={one} at={where.at.get(one.id)} state={states.get(one.id)} faded={set && touched && !inSet.has(one.id)} selected={one.id === selected} />
        ))}
      </Canvas>
      {node && <Panel node={node} set={set} job={jobs.get(node.id)} />}
    </div>
  );
}

const curve = (points) => {
  const [first, ...rest] = points;
  let d = `M${first.x},${first.y}`;
  let before = first;
  for (const point of rest) {
    const middle = (before.x + point.x) / 2;
    d += `C${middle},${before.y} ${middle},${point.y} ${point.x},${point.y}`;
    before = point;
  }
  return d;
};

const GLYPHS = { repo: "▤", pipeline: "▷", deployment: "◎" };

function Node({ node, at, state, faded, selected }) {
  const choose = () => setQuery({ node: selected ? null : node.id });
  const key = (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose();
    }
  };
  const short = node.name.length > 22 ? `${node.name.slice(0, 21)}…` : node.name;
  return (
    <g class={`node ${node.kind} ${state ? mood(state) : "quiet"}${faded ? " faded" : ""}${selected ? " selected" : ""}`} transform={`translate(${at.x - WIDE / 2},${at.y - HIGH / 2})`}
      role="button" tabindex="0" aria-pressed={selected} aria-label={`${node.kind} ${node.name}${state ? `, ${shown(state)}` : ""}`} onClick={choose} onKeyDown={key} data-node={node.id}>
      <title>{node.name}</title>
      <rect width={WIDE} height={HIGH} rx="8" />
      <text x="12" y="22" class="name">{short}</text>
      <text x="12" y="40" class="sub">{GLYPHS[node.kind]} {node.kind}{state ? ` · ${shown(state)}` : ""}</text>
      {state && <circle cx={WIDE - 14} cy="17" r="4.5" class="lamp" />}
    </g>
  );
}

// Drags and zooms by changing one transform; nothing is drawn anew.
function Canvas({ where, children }) {
  const svg = useRef(null);
  const [view, setView] = useState(null);
  const drag = useRef(null);
  const fit = () => {
    const { clientWidth: width, clientHeight: height } = svg.current;
    const scale = Math.max(0.15, Math.min(1, width / where.width, height / where.height));
    setView({ x: Math.max(0, (width - where.width * scale) / 2), y: Math.max(0, (height - where.height * scale) / 2), scale });
  };
  useEffect(fit, [where.width, where.height]);
  const zoom = (factor, x, y) => setView((old) => {
    const scale = Math.min(2.5, Math.max(0.1, old.scale * factor));
    return { scale, x: x - ((x - old.x) * scale) / old.scale, y: y - ((y - old.y) * scale) / old.scale };
  });
  const middle = (factor) => zoom(factor, svg.current.clientWidth / 2, svg.current.clientHeight / 2);
  useEffect(() => {
    const wheel = (event) => {
      if (!event.ctrlKey && !event.metaKey && Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
      event.preventDefault();
      const box = svg.current.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top);
    };
    svg.current.addEventListener("wheel", wheel, { passive: false });
    return () => svg.current?.removeEventListener("wheel", wheel);
  }, []);
  const down = (event) => {
    if (event.target.closest(".node")) return;
    drag.current = { x: event.clientX, y: event.clientY };
    svg.current.setPointerCapture(event.pointerId);
  };
  const move = (event) => {
    if (!drag.current) return;
    const { x, y } = drag.current;
    drag.current = { x: event.clientX, y: event.clientY };
    setView((old) => ({ ...old, x: old.x + event.clientX - x, y: old.y + event.clientY - y }));
  };
  return (
    <div class="canvas">
      <svg ref={svg} role="group" aria-label="Graph of data, pipelines and deployments" onPointerDown={down} onPointerMove={move} onPointerUp={() => { drag.current = null; }}>
        {view && <g transform={`translate(${view.x},${view.y}) scale(${view.scale})`}>{children}</g>}
      </svg>
      <div class="zoom">
        <button onClick={() => middle(1.25)} aria-label="Zoom in">+</button>
        <button onClick={() => middle(0.8)} aria-label="Zoom out">−</button>
        <button onClick={fit} aria-label="Show everything">⤢</button>
      </div>
    </div>
  );
}

function Panel({ node, set, job }) {
  const { info, kind } = node;
  const project = info.repo?.project.name ?? info.pipeline?.project.name;
  return (
    <aside class="panel" aria-label={`About ${node.name}`}>
      <header><h2>{node.name}</h2><button aria-label="Close" onClick={() => setQuery({ node: null })}>×</button></header>
      {kind === "deployment" ? (
        <>
          <Facts of={[["State", <State of={info.status?.state} />], ["Namespace", info.metadata.namespace], ["Model", <Id of={info.metadata.annotations?.["howdah/model-commit"]} />]]} />
          <A class="button" to={to.deployment(info.metadata.namespace, info.metadata.name)}>Open deployment</A>
        </>
      ) : (
        <>
          <p class="quiet">{info.details?.description || info.description}</p>
          <Facts of={[
            ["Project", project],
            ["State", kind === "pipeline" && <State of={info.state} />],
            ["Last job", kind === "pipeline" && <State of={info.lastJobState} />],
            ["This job", job && <A to={to.job(project, node.name, job.job.id)}><State of={job.state} /></A>],
            ["Image", info.details?.transform?.image],
            ["Created", <Time at={info.created ?? info.details?.createdAt} />],
          ]} />
          <div class="buttons">
            {kind === "pipeline" && <A class="button" to={to.pipeline(project, node.name)}>Open pipeline</A>}
            <A class="button" to={set ? to.commit(project, node.name, set) : to.repo(project, node.name)}>{set ? "Open commit" : "Open repo"}</A>
          </div>
        </>
      )}
    </aside>
  );
}
