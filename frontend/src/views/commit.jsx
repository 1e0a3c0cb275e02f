import { call, commitOf, list } from "../api.js";
import { useLive } from "../live.js";
import { Card, Facts, Id, Page, Shown, State, Table, Time } from "../parts.jsx";
import { Preview } from "../preview.jsx";
import { A, to, usePlace } from "../route.jsx";
import { filesOf } from "../things.js";
import { bytes, commitState, took } from "../words.js";

export function Commit({ project, repo, rev }) {
  const { query } = usePlace();
  const path = query.get("path") ?? "/";
  const folder = path.endsWith("/");
  const live = useLive(() => call("pfs_v2.API/InspectCommit", { commit: commitOf(project, repo, rev) }), ["commits", "repos"], [project, repo, rev]);
  const id = live.value?.commit.id;
  const isBranch = id && id !== rev;
  const steps = path.split("/").filter(Boolean);
  return (
    <Page title={isBranch ? `${repo}@${rev}` : `${repo}@${rev.slice(0, 12)}`} kind={isBranch ? "branch" : "commit"} state={live.value && commitState(live.value)}
      crumbs={[["Data", "/repos"], [project, "/repos"], [repo, to.repo(project, repo)]]} actions={id && <A class="button" to={to.dag(id)}>This ID in the graph</A>}>
      <Shown live={live}>{(info) => (
        <>
          {info.error && <p class="problem" role="alert">{info.error}</p>}
          <Facts of={[["Global ID", <A class="id" to={to.set(id)}>{id}</A>], ["Size", bytes(info.details?.sizeBytes ?? info.sizeBytesUpperBound)], ["Started", <Time at={info.started} />], ["Took", took(info.started, info.finished)],
            ["Parent", info.parentCommit && <Id of={info.parentCommit.id} to={to.commit(project, repo, info.parentCommit.id)} />], ["Origin", (info.origin?.kind ?? "").toLowerCase()], ["Description", info.description]]} />
          <nav class="path" aria-label="Path"><A to={to.commit(project, repo, rev)}>{repo}</A>{steps.map((step, place) => {
            const last = place === steps.length - 1;
            const there = `/${steps.slice(0, place + 1).join("/")}${last && !folder ? "" : "/"}`;
            return <span key={there}> / <A to={to.commit(project, repo, rev, there)} aria-current={last ? "page" : undefined}>{step}</A></span>;
          })}</nav>
          {folder ? <Files key={path} {...{ project, repo, rev, path, id }} /> : <Card title={steps.at(-1)}><Preview key={id + path} {...{ project, repo, path }} commit={id} /></Card>}
          <Provenance info={info} />
        </>)}</Shown>
    </Page>
  );
}

function Files({ project, repo, rev, path, id }) {
  const { query } = usePlace();
  const live = useLive(() => filesOf(project, repo, id, path), ["commits"], [project, repo, id, path]);
  return (
    <Card title="Files" aside={live.value && `${live.value.length.toLocaleString("en")} here`} flush><Shown live={live}>{(found) => (
      <Table label="Files" rows={found} keyOf={(info) => info.file.path} empty="No files." columns={[
        { name: "Name", show: (info) => { const dir = info.fileType === "DIR"; return <A to={to.commit(project, repo, rev, info.file.path)}><span aria-hidden="true" class="glyph">{dir ? "▸" : "·"}</span>{info.file.path.split("/").filter(Boolean).at(-1)}{dir ? "/" : ""}</A>; } },
        { name: "Size", show: (info) => bytes(info.sizeBytes), end: true },
        { name: "Written", show: (info) => <Time at={info.committed} />, wideOnly: true },
      ]} />)}</Shown></Card>
  );
}

function Provenance({ info }) {
  const rows = [...(info.directProvenance ?? []).map((commit) => ["from", commit]), ...(info.directSubvenance ?? []).map((commit) => ["into", commit])].filter(([, commit]) => commit.repo.type === "user");
  if (!rows.length) return null;
  return (
    <Card title="Where it comes from and goes to" flush>
      <Table label="Provenance" rows={rows} keyOf={([way, commit]) => way + commit.repo.name + commit.id} columns={[
        { name: "", show: ([way]) => <span class="quiet">{way}</span> },
        { name: "Repo", show: ([, commit]) => <A to={to.repo(commit.repo.project.name, commit.repo.name)}>{commit.repo.name}</A> },
        { name: "Commit", show: ([, commit]) => <Id of={commit.id} to={to.commit(commit.repo.project.name, commit.repo.name, commit.id)} /> },
      ]} />
    </Card>
  );
}
