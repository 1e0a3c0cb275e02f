// Every commit that changed this file, newest first: the same address, another commit.
import { commitOf, list } from "../api.js";
import { useLive } from "../live.js";
import { go, to } from "../route.jsx";

const LOOKED_AT = 50;

export function Versions({ project, repo, rev, id, path }) {
  const live = useLive(async () => {
    const found = await list("pfs_v2.API/FindCommits", { start: commitOf(project, repo, rev), filePath: path, limit: LOOKED_AT });
    return found.map((one) => one.foundCommit?.id).filter(Boolean);
  }, [`commits:${project}/${repo}`], [project, repo, rev, path]);
  const found = live.value ?? [];
  if (found.length < 2 && found.includes(id)) return <span>one version</span>;
  return (
    <label class="beside">version<select value={found.includes(id) ? id : ""} onChange={(event) => go(to.commit(project, repo, event.currentTarget.value, path))}>
      {!found.includes(id) && <option value="">as of {id.slice(0, 12)}</option>}
      {found.map((one, place) => <option key={one} value={one}>{one.slice(0, 12)}{place === 0 ? " (newest here)" : ""}</option>)}
    </select></label>
  );
}
