// Every request of the page, to its own origin only: the JSON gateway, the Kubernetes API, the
// console's few calls. Failures are `Failed`, with the server's own sentence.

export class Failed extends Error {
  constructor(message, status = 0, code = 0) {
    super(message);
    this.status = status;
    this.code = code;
  }
  get missing() {
    return this.status === 404 || this.code === 5;
  }
  get away() {
    return this.status === 0 || this.status === 502 || this.status === 503;
  }
}

export const session = {
  get token() {
    return sessionStorage.getItem("token") ?? "";
  },
  set token(value) {
    sessionStorage.setItem("token", value);
  },
  get actor() {
    return localStorage.getItem("actor") ?? "";
  },
  set actor(value) {
    localStorage.setItem("actor", value);
  },
};

const listeners = new Set();
export const onRefused = (listener) => (listeners.add(listener), () => listeners.delete(listener));

export function headers(extra = {}) {
  return session.token ? { "authn-token": session.token, ...extra } : extra;
}

export async function request(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: headers(options.headers) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failed("Howdah does not answer.");
  }
  if (!answer.ok) {
    const text = await answer.text();
    let said = {};
    try {
      said = JSON.parse(text);
    } catch {
      said = { message: text.trim() };
    }
    if (answer.status === 401) listeners.forEach((listener) => listener());
    throw new Failed(said.message || `HTTP ${answer.status}`, answer.status, said.code ?? 0);
  }
  return answer;
}

const json = (body) => ({
  method: "POST",
  body: JSON.stringify(body),
  headers: { "content-type": "application/json" },
});

export async function call(method, body = {}, signal) {
  return (await request(`/api/${method}`, { ...json(body), signal })).json();
}

// Yields each result of a server stream as it arrives.
export async function* stream(method, body = {}, signal) {
  const answer = await request(`/api/${method}`, { ...json(body), signal });
  for await (const line of lines(answer.body)) {
    if (!line) continue;
    const item = JSON.parse(line);
    if (item.error) throw new Failed(item.error.message, 200, item.error.code);
    yield item.result;
  }
}

export async function list(method, body = {}, limit = Infinity) {
  const found = [];
  const stop = new AbortController();
  for await (const item of stream(method, body, stop.signal)) {
    found.push(item);
    if (found.length >= limit) break;
  }
  if (found.length >= limit) stop.abort();
  return found;
}

export async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      yield* parts;
    }
    if (rest) yield rest;
  } finally {
    reader.cancel().catch(() => {});
  }
}

export const post = async (path, body) => (await request(path, json(body))).json();
export const kube = async (path) => (await request(path)).json();

export const repoOf = (project, name, type = "user") => ({ name, type, project: { name: project } });
export const commitOf = (project, name, id) => ({ repo: repoOf(project, name), id });

const fileAddress = (project, repo, commit, path, limit, offset) => {
  const asked = new URLSearchParams({ project, repo, commit, path });
  if (limit !== undefined) asked.set("limit", limit);
  if (offset) asked.set("offset", offset);
  return `/console/file?${asked}`;
};
export const downloadAddress = (...place) => fileAddress(...place);

// {bytes, size}: at most `limit` bytes from `offset`, and how long the whole file is.
export async function readFile(project, repo, commit, path, limit, offset) {
  const answer = await request(fileAddress(project, repo, commit, path, limit, offset));
  return { bytes: await answer.arrayBuffer(), size: Number(answer.headers.get("x-file-size")) };
}

export async function readJson(project, repo, commit, path) {
  const { bytes } = await readFile(project, repo, commit, path);
  return JSON.parse(new TextDecoder().decode(bytes));
}

// What stands in a finished commit never changes: each is read once.
const kept = new Map();
export async function keptJson(project, repo, commit, path, version = commit) {
  const key = [project, repo, path, version].join("\n");
  if (!kept.has(key)) kept.set(key, await readJson(project, repo, commit, path));
  return kept.get(key);
}

// Nothing there is an answer too: null.
export const orNull = (promise) =>
  promise.catch((error) => {
    if (error.missing) return null;
    throw error;
  });

export function upload(project, repo, branch, path, file, progress) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("PUT", `/console/file?${new URLSearchParams({ project, repo, branch, path })}`);
    for (const [name, value] of Object.entries(headers())) sending.setRequestHeader(name, value);
    sending.upload.onprogress = (event) => progress(event.loaded, event.total);
    sending.onerror = () => reject(new Failed("The upload broke off."));
    sending.onload = () => {
      if (sending.status < 300) return resolve();
      let message = sending.responseText;
      try {
        message = JSON.parse(message).message;
      } catch {}
      reject(new Failed(message, sending.status));
    };
    sending.send(file);
  });
}
