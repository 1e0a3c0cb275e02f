// Every commit that changed this file, newest first: the same address, another commit.
import { commitOf, list } from "../api.js";
import { useLive } from "../live.js";
import { go, to } from "../route.jsx";

const LOOKED_AT = 50;

// Looked for from the branch's head, so that newer ones are there too while an older one is looked at.
export function Versions({ project, repo, rev, id, branch, path }) {
  const live = useLive(async () => {
    const found = await list("pfs_v2.API/FindCommits", { start: commitOf(project, repo, branch ?? rev), filePath: path, limit: LOOKED_AT });
    return found.map((one) => one.foundCommit?.id).filter(Boolean);
  }, [`commits:${project}/${repo}`], [project, repo, rev, branch, path]);
  const found = live.value ?? [];
  const current = found.includes(id) ? id : rev === branch ? (found[0] ?? "") : "";
  if (found.length < 2 && current) return <span>one version</span>;
  return (
    <label class="beside">version<select value={current} onChange={(event) => go(`${to.commit(project, repo, event.currentTarget.value, path)}${branch ? `&branch=${encodeURIComponent(branch)}` : ""}`)}>
      {!current && <option value="">as of {id.slice(0, 12)}</option>}
      {found.map((one, place) => <option key={one} value={one}>{one.slice(0, 12)}{place === 0 ? " (newest)" : ""}</option>)}
    </select></label>
  );
}
