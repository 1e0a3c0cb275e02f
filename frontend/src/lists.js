// Lists that many views show: read whole once, after that only what is told to have changed.
import { call, list, orNull } from "./api.js";
import { now, onTold, toldSince } from "./live.js";

const NEVER = -Infinity;
const FEW = 20;

// A function that gives the list as it is: the same array as before where nothing changed. `all` reads
// every item, newest first, `one` a single one; topics of these `kinds` name items as `keyOf` does.
function kept({ kinds, all, one, keyOf }) {
  let items = new Map();
  let shown = [];
  let readAt = NEVER;
  const stale = new Set();
  let turn = Promise.resolve();
  let reading = null;

  onTold((changed) => {
    if (changed === null) [readAt, reading] = [NEVER, null];
    for (const topic of changed ?? []) {
      const [kind, name] = topic.split(/:(.*)/s);
      if (!kinds.includes(kind)) continue;
      if (name === undefined) readAt = NEVER;
      else stale.add(name);
      reading = null;
    }
  });

  // What is told while we read makes what we read stale: so it is marked as fresh before.
  async function whole() {
    readAt = now();
    stale.clear();
    try {
      items = new Map((await all()).map((item) => [keyOf(item), item]));
    } catch (error) {
      readAt = NEVER;
      throw error;
    }
  }

  async function changes() {
    const names = [...stale];
    stale.clear();
    try {
      const found = await Promise.all(names.map(async (name) => [name, await orNull(one(name))]));
      const fresh = found.filter(([name, item]) => item && !items.has(name));
      for (const [name, item] of found) item ? items.has(name) && items.set(name, item) : items.delete(name);
      items = new Map([...fresh, ...items]);
    } catch (error) {
      names.forEach((name) => stale.add(name));
      throw error;
    }
  }

  async function read() {
    if (!toldSince(readAt) || stale.size > FEW) await whole();
    else if (stale.size) await changes();
    else return shown;
    shown = [...items.values()];
    return shown;
  }

  // Who asks while we read takes the same, unless what we read has gone stale meanwhile.
  return () => {
    if (reading) return reading;
    const mine = turn.then(read, read).finally(() => { if (reading === mine) reading = null; });
    turn = reading = mine;
    return mine;
  };
}

const nameOf = ({ project, name }) => `${project.name}/${name}`;
const named = (text) => {
  const [project, name] = text.split(/\/(.*)/s);
  return { name, project: { name: project } };
};
const reposBy = (kinds) => kept({
  kinds,
  all: () => list("pfs_v2.API/ListRepo", { type: "user" }),
  one: (name) => call("pfs_v2.API/InspectRepo", { repo: { ...named(name), type: "user" } }),
  keyOf: (info) => nameOf(info.repo),
});

// Their sizes may be from before.
export const repos = reposBy(["repos"]);
export const sizedRepos = reposBy(["repos", "commits"]);
export const pipelines = kept({
  kinds: ["pipelines"],
  all: () => list("pps_v2.API/ListPipeline"),
  one: (name) => call("pps_v2.API/InspectPipeline", { pipeline: named(name), details: true }),
  keyOf: (info) => nameOf(info.pipeline),
});
