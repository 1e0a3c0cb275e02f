// What several views read: the lists of objects, and what follows from their names.
import { call, commitOf, keptJson, kube, list, orNull, repoOf } from "./api.js";
import { repos } from "./lists.js";

export const SDEP = "/apis/machinelearning.seldon.io/v1";
export const deployments = async () => (await kube(`${SDEP}/seldondeployments`)).items;

export const ref = (thing) => `${thing.project?.name || "default"}/${thing.name}`;

// Who answers for a repo and what is in it, where somebody has said so.
export const OWNER = "owner";
export const ownerOf = (info) => info?.metadata?.[OWNER] ?? "";

// A case is known by the repo that holds its policy.
export const cases = async () =>
  (await repos()).map((info) => info.repo).filter((repo) => repo.name.endsWith("-policy")).map((repo) => ({ project: repo.project.name, name: repo.name.slice(0, -"-policy".length) }));

export const filesOf = (project, repo, rev, path = "/") => list("pfs_v2.API/ListFile", { file: { commit: commitOf(project, repo, rev), path } });

const FILES = 1000;

// A range of a folder's files: what follows `last` (a file, or any path), or the beginning.
export async function filesAfter(project, repo, commit, path, last) {
  const rows = await list("pfs_v2.API/ListFile", { file: { commit: commitOf(project, repo, commit), path }, number: String(FILES), ...(last ? { paginationMarker: { path: last.file.path } } : {}) });
  return { rows, more: rows.length === FILES };
}

// The record of decisions, oldest first; empty where there is none yet.
export async function decisions(project, name) {
  const repo = `${name}-decisions`;
  const found = await orNull(filesOf(project, repo, "master"));
  if (!found) return [];
  return Promise.all(found.map((info) => keptJson(project, repo, "master", info.file.path, info.hash)));
}

export const champion = (record) => record.filter((entry) => ["promoted", "rolled_back"].includes(entry.kind)).at(-1)?.subject;

// What the policy refused to do by itself and nobody has answered since: {act, entry}. As monitoring sees
// it, that can only be about the newest model and the newest report on drift.
export async function waiting(project, name, record) {
  if (!record.some((entry) => entry.kind === "refused")) return [];
  const [model, drift] = await Promise.all([finishedHead(project, `${name}-model`), report(project, `${name}-drift`, "/drift.json")]);
  const open = (act, subject, answers) => {
    const at = record.findLastIndex((entry) => entry.subject === subject);
    const answered = record.slice(at + 1).some((entry) => answers.includes(entry.kind));
    return record[at]?.kind === "refused" && !answered ? [{ act, entry: record[at] }] : [];
  };
  return [...open("promote", model?.commit.id, ["promoted", "rolled_back"]), ...open("retrain", drift?.document.window.id, ["retrained"])];
}

// The newest commit of a branch that is finished and did not fail.
export async function finishedHead(project, repo, branch = "master") {
  let info = await orNull(call("pfs_v2.API/InspectCommit", { commit: commitOf(project, repo, branch) }));
  while (info && (!info.finished || info.error)) {
    if (!info.parentCommit) return null;
    info = await call("pfs_v2.API/InspectCommit", { commit: info.parentCommit });
  }
  return info;
}

export async function report(project, repo, path, branch = "master") {
  const head = await finishedHead(project, repo, branch);
  if (!head) return null;
  const document = await orNull(keptJson(project, repo, head.commit.id, path));
  return document && { document, commit: head.commit.id, at: head.finished };
}

// The same of the newest commits that hold it, newest first.
export async function reports(project, repo, path, newest = 30) {
  const commits = (await orNull(list("pfs_v2.API/ListCommit", { repo: repoOf(project, repo), number: String(newest) }))) ?? [];
  const finished = commits.filter((info) => info.finished && !info.error && Number(info.details?.sizeBytes ?? info.sizeBytesUpperBound) > 0);
  const read = finished.map(async (info) => ({ document: await orNull(keptJson(project, repo, info.commit.id, path)), commit: info.commit.id, at: info.finished }));
  return (await Promise.all(read)).filter((found) => found.document);
}

// A model's newest versions, newest first: {id, at, manifest}.
export const versions = async (project, name) =>
  (await reports(project, `${name}-model`, "/model.json", 50)).map(({ document, commit, at }) => ({ id: commit, at, manifest: document }));

// Every pfs, cron and s3 input of a pipeline's input tree.
export function inputs(input) {
  if (!input) return [];
  if (input.pfs) return [{ project: input.pfs.project || "default", repo: input.pfs.repo, branch: input.pfs.branch || "master", glob: input.pfs.glob, name: input.pfs.name }];
  if (input.cron) return [{ project: input.cron.project || "default", repo: input.cron.repo, branch: "master", glob: "/*", name: input.cron.name, cron: input.cron.spec }];
  return ["cross", "union", "join", "group"].flatMap((kind) => (input[kind] ?? []).flatMap(inputs));
}

// {repo, project, commit} of an s3 model address: [commit.][branch.]repo[.project].
export function modelPlace(uri) {
  const bucket = /^s3:\/\/([^/]+)/.exec(uri ?? "")?.[1]?.split(".");
  if (!bucket || bucket.length < 2) return null;
  const commit = /^[0-9a-f]{32}$/.test(bucket[0]) ? bucket.shift() : undefined;
  const [branch, repo, project] = bucket.length === 1 ? ["master", bucket[0]] : bucket;
  return { branch, repo, project: project ?? "default", commit };
}

export function units(graph) {
  return graph ? [graph, ...(graph.children ?? []).flatMap(units)] : [];
}
