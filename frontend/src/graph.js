// What the graph is made of; pure.
import { inputs, modelPlace, ref, units } from "./things.js";
import { mood } from "./words.js";

const isDetector = (one) => (one.spec.predictors ?? []).some((predictor) => (predictor.componentSpecs ?? []).some((part) => (part.spec?.containers ?? []).some((container) => /(^|\/)detector-server(:|$)/.test(container.image ?? ""))));

// A model's logger may send what it is asked to a detector: its namespace/name.
const watchers = (one) => (one.spec.predictors ?? []).flatMap((predictor) => units(predictor.graph)).map((unit) => /\/seldon\/([^/]+)\/([^/]+)/.exec(unit.logger?.url ?? "")).filter(Boolean).map(([, namespace, name]) => `${namespace}/${name}`);

// What is drawn for these objects. A pipeline stands for its output repo too.
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
    nodes.set(id, { id, kind: isDetector(one) ? "detector" : "deployment", name, info: one, state: one.status?.state });
    for (const source of new Set(sources)) edges.push([source, id]);
    const log = [...nodes.keys()].find((key) => key.endsWith(`/${namespace}-${name}-inferences`));
    if (log) edges.push([id, log]);
  }
  for (const one of allDeployments)
    for (const watcher of watchers(one)) {
      const [from, into] = [`deployment:${one.metadata.namespace}/${one.metadata.name}`, `deployment:${watcher}`];
      if (nodes.has(from) && nodes.has(into)) edges.push([from, into]);
    }
  return { nodes: [...nodes.values()], edges: [...new Map(edges.map((edge) => [edge.join("→"), edge])).values()] };
}

// Without all that follows the folded nodes; each says how many it hides.
export function folded({ nodes, edges }, closed) {
  const after = new Map();
  for (const [from, into] of edges) after.set(from, [...(after.get(from) ?? []), into]);
  const hidden = new Set();
  const counts = new Map();
  for (const start of closed) {
    const below = new Set();
    const ahead = [...(after.get(start) ?? [])];
    while (ahead.length) {
      const id = ahead.pop();
      if (below.has(id) || id === start) continue;
      below.add(id);
      ahead.push(...(after.get(id) ?? []));
    }
    counts.set(start, below.size);
    below.forEach((id) => hidden.add(id));
  }
  const left = nodes.filter((node) => !hidden.has(node.id)).map((node) => ({ ...node, hides: counts.get(node.id) ?? 0, follows: (after.get(node.id) ?? []).length > 0 }));
  return { nodes: left, edges: edges.filter((edge) => !edge.some((id) => hidden.has(id))) };
}
