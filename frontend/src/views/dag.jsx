// Everything that data flows through, from left to right: repos, pipelines with their output
// repos, deployments, inference logs. By one global ID only what that ID touched stands out.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { call, list, orNull, session } from "../api.js";
import { folded, nodesAndEdges } from "../graph.js";
import { pipelines, repos } from "../lists.js";
import { HIGH, WIDE, placed } from "../layout.js";
import { useLive } from "../live.js";
import { Confirm, Facts, Id, Page, Shown, State, Time } from "../parts.jsx";
import { A, setQuery, to, usePlace } from "../route.jsx";
import { deployments, ref } from "../things.js";
import { count, mood, shown } from "../words.js";

export function Dag() {
  const { query } = usePlace();
  const set = query.get("set");
  const project = query.get("project");
  const live = useLive(
    async () => { const [r, p, d] = await Promise.all([repos(), pipelines(), deployments()]); return { repos: r, pipelines: p, deployments: d }; },
    ["repos", "pipelines", "deployments"], []);
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
      <Shown live={live}>{(all) => <Drawing all={all} project={project} set={set} touched={touched.value} selected={query.get("node")} closed={(query.get("folded") ?? "").split(",").filter(Boolean)} again={live.again} />}</Shown>
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

function Drawing({ all, project, set, touched, selected, closed, again }) {
  const drawn = folded(nodesAndEdges(all.repos, all.pipelines, all.deployments, project), closed);
  const shape = JSON.stringify([drawn.nodes.map((node) => node.id), drawn.edges]);
  const where = useMemo(() => placed(drawn), [shape]);
  const jobs = new Map((touched?.jobs ?? []).map((info) => [ref(info.job.pipeline), info]));
  const inSet = new Set((touched?.commits ?? []).filter((info) => info.commit.repo.type === "user").map((info) => ref(info.commit.repo)));
  const states = new Map(drawn.nodes.map((node) => [node.id, set ? jobs.get(node.id)?.state : node.state]));
  if (set && touched) for (const node of drawn.nodes) if (["deployment", "detector"].includes(node.kind) && node.info.metadata.annotations?.["howdah/model-commit"] === set) {
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
      {node && <Panel key={node.id} node={node} set={set} job={jobs.get(node.id)} closed={closed} again={again} />}
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

const GLYPHS = { repo: "▤", pipeline: "▷", deployment: "◎", detector: "◇" };

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
      role="button" tabindex="0" aria-pressed={selected} aria-label={`${node.kind} ${node.name}${state ? `, ${shown(state)}` : ""}${node.hides ? `, ${count(node.hides, "node")} hidden` : ""}`} onClick={choose} onKeyDown={key} data-node={node.id}>
      <title>{node.name}</title>
      <rect width={WIDE} height={HIGH} rx="8" />
      <text x="12" y="22" class="name">{short}</text>
      <text x="12" y="40" class="sub">{GLYPHS[node.kind]} {node.kind}{state ? ` · ${shown(state)}` : ""}</text>
      {node.hides > 0 && <text x={WIDE - 10} y="42" text-anchor="end" class="hides">+{node.hides}</text>}
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

function Panel({ node, set, job, closed, again }) {
  const { info, kind } = node;
  const [asking, setAsking] = useState(null);
  const project = info.repo?.project.name ?? info.pipeline?.project.name;
  const fold = () => setQuery({ folded: (node.hides ? closed.filter((id) => id !== node.id) : [...closed, node.id]).join(",") });
  const folding = node.follows && <button onClick={fold} aria-expanded={!node.hides}>{node.hides ? `Show the ${node.hides} that follow` : "Hide what follows"}</button>;
  return (
    <aside class="panel" aria-label={`About ${node.name}`}>
      <header><h2>{node.name}</h2><button aria-label="Close" onClick={() => setQuery({ node: null })}>×</button></header>
      {kind === "deployment" || kind === "detector" ? (
        <>
          <Facts of={[["State", <State of={info.status?.state} />], ["Namespace", info.metadata.namespace], ["Model", <Id of={info.metadata.annotations?.["howdah/model-commit"]} />]]} />
          {info.status?.state === "Failed" && <p class="problem">{info.status.description}</p>}
          <div class="buttons"><A class="button" to={to.deployment(info.metadata.namespace, info.metadata.name)}>Open {kind}</A>{folding}</div>
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
            <A class="button" to={set ? to.commit(project, node.name, set) : to.repo(project, node.name)}>{set ? "Open commit" : kind === "repo" ? "Open repo, upload" : "Open output"}</A>
            {folding}
          </div>
          {kind === "pipeline" && (
            <div class="buttons">
              <button onClick={() => setAsking("rerun")}>Run again</button>
              <button onClick={() => setAsking(info.stopped ? "start" : "stop")}>{info.stopped ? "Start" : "Stop"}</button>
              {job && mood(job.state) === "busy" && <button onClick={() => setAsking("kill")}>Stop this job</button>}
            </div>)}
        </>
      )}
      {asking && <Act {...{ asking, info, job, again }} close={() => setAsking(null)} />}
    </aside>
  );
}

const ACTS = {
  rerun: ["Run again", "A new job works on all datums of the newest inputs, also those that succeeded before.", "RerunPipeline", { reprocess: true }],
  stop: ["Stop", "Its unfinished jobs are killed and new commits start none, until it is started again.", "StopPipeline", {}],
  start: ["Start", "It takes up its inputs as they are now, which makes a new job.", "StartPipeline", {}],
  kill: ["Stop this job", "It ends as killed; its output commit stays without its results, and jobs downstream do not run.", "StopJob", {}],
};

export function Act({ asking, info, job, again, close }) {
  const [action, says, method, more] = ACTS[asking];
  const kill = asking === "kill";
  // Of these only a stopped job has a place for a name: its reason.
  const run = async ({ actor }) => {
    if (kill) session.actor = actor;
    await call(`pps_v2.API/${method}`, kill ? { job: job.job, reason: `stopped in the console by ${actor}` } : { pipeline: info.pipeline, ...more });
    await again();
  };
  return <Confirm title={`${action}: ${info.pipeline.name}?`} says={says} action={action} danger={asking === "stop" || kill} run={run} close={close}
    fields={kill ? [{ name: "actor", label: "Your name", value: session.actor }] : []} />;
}
