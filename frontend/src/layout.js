// Where each node of the graph stands. Parts that nothing joins are laid out each by itself and stand one
// below the other: a layout's work grows faster than its size, and one part's change moves no other.
import { Graph, layout } from "@dagrejs/dagre";

export const WIDE = 190;
export const HIGH = 52;
const MARGIN = 12;
const BETWEEN = 18;

// {at: id → middle, paths: [{from, into, points}], width, height}.
export function placed({ nodes, edges }) {
  const at = new Map();
  const paths = [];
  let [width, y] = [0, MARGIN];
  for (const part of parts(nodes, edges)) {
    const graph = drawn(part);
    const moved = (point) => ({ x: point.x + MARGIN, y: point.y + y });
    for (const node of part.nodes) at.set(node.id, moved(graph.node(node.id)));
    for (const [from, into] of part.edges) paths.push({ from, into, points: graph.edge(from, into).points.map(moved) });
    const size = graph.graph();
    width = Math.max(width, size.width);
    y += size.height + BETWEEN;
  }
  return { at, paths, width: width + 2 * MARGIN, height: y - BETWEEN + MARGIN };
}

function drawn({ nodes, edges }) {
  const graph = new Graph();
  graph.setGraph({ rankdir: "LR", nodesep: BETWEEN, ranksep: 56 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(node.id, { width: WIDE, height: HIGH });
  for (const [from, into] of edges) graph.setEdge(from, into);
  layout(graph);
  return graph;
}

// In the order of their first nodes.
function parts(nodes, edges) {
  const above = new Map(nodes.map(({ id }) => [id, id]));
  const top = (id) => {
    while (above.get(id) !== id) {
      above.set(id, above.get(above.get(id)));
      id = above.get(id);
    }
    return id;
  };
  for (const [from, into] of edges) above.set(top(from), top(into));
  const found = new Map();
  for (const node of nodes) {
    if (!found.has(top(node.id))) found.set(top(node.id), { nodes: [], edges: [] });
    found.get(top(node.id)).nodes.push(node);
  }
  for (const edge of edges) found.get(top(edge[0])).edges.push(edge);
  return [...found.values()];
}
