import { useState } from "preact/hooks";
import { call, commitOf } from "../api.js";
import { useLive, useTopic } from "../live.js";
import { Card, Facts, Id, Page, Problem, Shown, Table, Time } from "../parts.jsx";
import { Preview } from "../preview.jsx";
import { useRange } from "../range.js";
import { A, setQuery, to, usePlace } from "../route.jsx";
import { filesAfter } from "../things.js";
import { Difference } from "./difference.jsx";
import { Versions } from "./versions.jsx";
import { bytes, commitState, took } from "../words.js";

export function Commit({ project, repo, rev }) {
  const { query } = usePlace();
  const path = query.get("path") ?? "/";
  const folder = path.endsWith("/");
  const against = query.get("against");
  const live = useLive(() => call("pfs_v2.API/InspectCommit", { commit: commitOf(project, repo, rev) }), [`commits:${project}/${repo}`], [project, repo, rev]);
  const id = live.value?.commit.id;
  const isBranch = id && id !== rev;
  const steps = path.split("/").filter(Boolean);
  return (
    <Page title={isBranch ? `${repo}@${rev}` : `${repo}@${rev.slice(0, 12)}`} kind={isBranch ? "branch" : "commit"} state={live.value && commitState(live.value)}
      crumbs={[["Data", "/repos"], [project, "/repos"], [repo, to.repo(project, repo)]]} actions={id && <>
        {against === null ? <button onClick={() => setQuery({ against: live.value.parentCommit?.id ?? "parent" }, false)}>Changes</button> : <button onClick={() => setQuery({ against: null }, false)}>Files</button>}
        <A class="button" to={to.dag(id)}>This ID in the graph</A></>}>
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
          {against !== null ? <Difference key={id + against} {...{ project, repo, id, against, path }} parent={info.parentCommit?.id} />
            : folder ? <Files key={path} {...{ project, repo, rev, path, id }} open={!info.finished} />
            : <Card title={steps.at(-1)} aside={<Versions {...{ project, repo, rev, id, path }} branch={isBranch ? rev : query.get("branch")} />}><Preview key={id + path} {...{ project, repo, path }} commit={id} /></Card>}
          <Provenance info={info} />
        </>)}</Shown>
    </Page>
  );
}

const keyOf = (info) => info.file.path;

function Files({ project, repo, rev, path, id, open }) {
  const { query } = usePlace();
  const start = query.get("from") ?? "";
  const [again, setAgain] = useState(0);
  useTopic([`commits:${project}/${repo}`], () => open && setAgain((n) => n + 1));
  const before = start && { file: { path: `${path}${start}`.replace(/.$/, (end) => String.fromCharCode(end.charCodeAt(0) - 1)) + "\u{10fffd}" } };
  const range = useRange((last) => filesAfter(project, repo, id, path, last ?? before), [project, repo, id, path, start, open], again, keyOf);
  const { rows, more, error, loading, next, view } = range;
  const long = more || rows.length > 200 || start;
  return (
    <Card title="Files" flush aside={<span class="inlineaside">{long && <input type="search" aria-label="Begin at a name" placeholder="Begin at a name" value={start} onInput={(event) => setQuery({ from: event.currentTarget.value })} />}{!loading && `${rows.length.toLocaleString("en")}${more ? "+" : ""} here`}</span>}>
      {error ? <Problem error={error} /> : loading ? <p class="empty waiting" role="status">Reading…</p> : (
        <Table label="Files" rows={rows} keyOf={keyOf} empty="No files." more={more} next={next} view={view} columns={[
          { name: "Name", show: (info) => { const dir = info.fileType === "DIR"; return <A to={to.commit(project, repo, rev, info.file.path)}><span aria-hidden="true" class="glyph">{dir ? "▸" : "·"}</span>{info.file.path.split("/").filter(Boolean).at(-1)}{dir ? "/" : ""}</A>; } },
          { name: "Size", show: (info) => bytes(info.sizeBytes), end: true },
          { name: "Written", show: (info) => <Time at={info.committed} />, wideOnly: true },
        ]} />)}
    </Card>
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
