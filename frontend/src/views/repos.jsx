import { useState } from "preact/hooks";
import { call, list, repoOf, upload } from "../api.js";
import { sizedRepos } from "../lists.js";
import { useLive } from "../live.js";
import { Card, Confirm, Facts, Id, Page, Shown, State, Table, Time } from "../parts.jsx";
import { A, go, setQuery, to, usePlace } from "../route.jsx";
import { OWNER, ownerOf } from "../things.js";
import { bytes, commitState } from "../words.js";

export function Repos() {
  const { query } = usePlace();
  const wanted = query.get("find") ?? "";
  const live = useLive(sizedRepos, ["repos", "commits"], []);
  const [making, setMaking] = useState(false);
  return (
    <Page title="Data" actions={<>
      <input type="search" aria-label="Find a repo" placeholder="Find a repo" value={wanted} onInput={(event) => setQuery({ find: event.currentTarget.value })} />
      <button onClick={() => setMaking(true)}>New repo</button></>}>
      <Card flush><Shown live={live}>{(found) => (
        <Table label="Repos" rows={found.filter((info) => `${info.repo.name} ${info.description}`.toLowerCase().includes(wanted.toLowerCase()))} keyOf={(info) => info.repo.project.name + info.repo.name} columns={[
          { name: "Repo", show: (info) => <A to={to.repo(info.repo.project.name, info.repo.name)}>{info.repo.name}</A> },
          { name: "Project", show: (info) => info.repo.project.name, wideOnly: true },
          { name: "Description", show: (info) => <span class="quiet">{info.description}</span>, wideOnly: true },
          { name: "Size", show: (info) => bytes(info.details?.sizeBytes ?? info.sizeBytesUpperBound), end: true },
          { name: "Created", show: (info) => <Time at={info.created} />, wideOnly: true },
        ]} />)}</Shown></Card>
      {making && <Confirm title="New repo" says="An empty repo is made; data comes in by upload or put file." action="Create" close={() => setMaking(false)}
        fields={[{ name: "project", label: "Project", value: "default" }, { name: "name", label: "Name" }]}
        run={async ({ project, name }) => { await call("pfs_v2.API/CreateRepo", { repo: repoOf(project, name) }); go(to.repo(project, name)); }} />}
    </Page>
  );
}

export function Repo({ project, repo }) {
  const [owning, setOwning] = useState(false);
  const live = useLive(async () => {
    const info = await call("pfs_v2.API/InspectRepo", { repo: repoOf(project, repo) });
    const branches = await list("pfs_v2.API/ListBranch", { repo: repoOf(project, repo) });
    const commits = await list("pfs_v2.API/ListCommit", { repo: repoOf(project, repo), number: "200", all: true });
    return { info, branches, commits };
  }, [`repos:${project}/${repo}`, `commits:${project}/${repo}`], [project, repo]);
  return (
    <Page title={repo} kind="repo" crumbs={[["Data", "/repos"], [project, "/repos"]]} actions={<A class="button" to={`/dag?node=${encodeURIComponent(`${project}/${repo}`)}`}>In the graph</A>}>
      <Shown live={live}>{({ info, branches, commits }) => (
        <div class="columns">
          <div class="stack">
            <Card title="Branches" flush>
              <Table label="Branches" rows={branches} keyOf={(branch) => branch.branch.name} empty="No branch yet: the first upload makes master." columns={[
                { name: "Branch", show: (branch) => <A to={to.commit(project, repo, branch.branch.name)}>{branch.branch.name}</A> },
                { name: "Head", show: (branch) => <Id of={branch.head?.id} to={to.commit(project, repo, branch.head?.id)} /> },
                { name: "Moved", show: (branch) => <Time at={branch.updatedAt} />, wideOnly: true },
              ]} />
            </Card>
            <Card title="Commits" flush>
              <Table label="Commits" rows={commits} keyOf={(one) => one.commit.id} columns={[
                { name: "Commit", show: (one) => <Id of={one.commit.id} to={to.commit(project, repo, one.commit.id)} /> },
                { name: "State", show: (one) => <State of={commitState(one)} title={one.error} /> },
                { name: "Size", show: (one) => bytes(one.details?.sizeBytes ?? one.sizeBytesUpperBound), end: true },
                { name: "Origin", show: (one) => (one.origin?.kind ?? "").toLowerCase(), wideOnly: true },
                { name: "Started", show: (one) => <Time at={one.started} /> },
              ]} />
            </Card>
          </div>
          <div class="stack">
            <Card title="About"><p>{info.description || <span class="quiet">No description.</span>}</p>
              <Facts of={[["Project", project], ["Owner", ownerOf(info)], ["Size", bytes(info.details?.sizeBytes ?? info.sizeBytesUpperBound)], ["Created", <Time at={info.created} />]]} />
              <div class="buttons"><button onClick={() => setOwning(true)}>{ownerOf(info) ? "Change owner" : "Name an owner"}</button></div></Card>
            {owning && <Own {...{ project, repo, info }} done={live.again} close={() => setOwning(false)} />}
            <Upload project={project} repo={repo} branches={branches} done={live.again} />
          </div>
        </div>)}</Shown>
    </Page>
  );
}

// Where Pachyderm keeps notes on a repo, so that other clients see it too.
function Own({ project, repo, info, done, close }) {
  const edit = (owner) => ({ repo: { name: { name: repo, type: "user", project: { name: project } } }, edit_key: { key: OWNER, value: owner } });
  return <Confirm title={`Owner of ${repo}`} says="Who answers for this data: kept as the repo's metadata, and found in the catalog." action="Keep" close={close}
    fields={[{ name: "owner", label: "Owner", value: ownerOf(info) }]}
    run={async ({ owner }) => { await call("metadata.API/EditMetadata", { edits: [edit(owner)] }); await done(); }} />;
}

function Upload({ project, repo, branches, done }) {
  const [branch, setBranch] = useState("master");
  const [over, setOver] = useState(false);
  const [asked, setAsked] = useState(null);
  const [sending, setSending] = useState([]);
  const target = branches.find((one) => one.branch.name === branch);
  const derived = target?.directProvenance?.length > 0;
  const choose = (files) => files.length && setAsked([...files]);
  const send = async (files) => {
    const rows = files.map((file) => ({ name: file.name, loaded: 0, total: file.size }));
    const show = () => setSending([...rows]);
    for (const [place, file] of files.entries()) {
      const row = rows[place];
      try {
        await upload(project, repo, branch, `/${file.name}`, file, (loaded, total) => { Object.assign(row, { loaded, total }); show(); });
        row.done = true;
      } catch (error) {
        row.error = error.message;
      }
      show();
    }
    done();
  };
  return (
    <Card title="Upload">
      <label>Branch<input value={branch} onInput={(event) => setBranch(event.currentTarget.value)} /></label>
      {derived ? <p class="quiet">{branch} is written by a pipeline; nobody else may write to it.</p> : (
        <label class={`drop${over ? " over" : ""}`} onDragOver={(event) => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
          onDrop={(event) => { event.preventDefault(); setOver(false); choose(event.dataTransfer.files); }}>
          <span>Drop files here, or choose them</span>
          <input type="file" multiple onChange={(event) => { choose(event.currentTarget.files); event.currentTarget.value = ""; }} />
        </label>)}
      <ul class="sending" aria-live="polite">{sending.map((row) => (
        <li key={row.name}><span>{row.name}</span>{row.error ? <span class="bad">{row.error}</span> : row.done ? <span class="good">stored, {bytes(row.total)}</span>
          : <progress aria-label={row.name} max={row.total || 1} value={row.loaded} />}</li>))}</ul>
      {asked && <Confirm title={`Upload to ${repo}@${branch}`} action="Upload" close={() => setAsked(null)}
        says={<p>{asked.map((file) => `${file.name} (${bytes(file.size)})`).join(", ")}. Each becomes a commit, and every pipeline downstream runs.</p>}
        run={async () => { send(asked); }} />}
    </Card>
  );
}
