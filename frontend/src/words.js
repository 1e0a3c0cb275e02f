// Numbers, times and states as people read them.

export const bytes = (value) => {
  let n = Number(value ?? 0);
  if (n < 1024) return `${n} B`;
  for (const unit of ["KiB", "MiB", "GiB", "TiB"]) {
    n /= 1024;
    if (n < 1024 || unit === "TiB") return `${n.toFixed(n < 10 ? 1 : 0)} ${unit}`;
  }
};

export const count = (value, one, many = `${one}s`) => `${Number(value).toLocaleString("en")} ${Number(value) === 1 ? one : many}`;

export const number = (value) => {
  if (typeof value !== "number") return String(value ?? "–");
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return Math.abs(value) >= 1e5 || (Math.abs(value) < 1e-3 && value !== 0) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
};

export function ago(time) {
  if (!time) return "";
  const seconds = (Date.now() - new Date(time)) / 1000;
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return new Date(time).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
}

export function took(from, until) {
  if (!from) return "";
  const seconds = (new Date(until ?? Date.now()) - new Date(from)) / 1000;
  if (seconds < 60) return `${Math.max(0, seconds).toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

const GOOD = ["SUCCESS", "FINISHED", "AVAILABLE", "RUNNING PIPELINE", "PROMOTED", "PROCESSED"];
const BAD = ["FAILURE", "KILLED", "UNRUNNABLE", "CRASHING", "FAILED", "ERROR"];
const BUSY = ["CREATED", "STARTING", "RUNNING", "EGRESSING", "FINISHING", "STARTED", "READY", "CREATING", "PENDING", "RESTARTING"];

export const plain = (state) => String(state ?? "").replace(/^(JOB|PIPELINE|COMMIT|DATUM)_(STATE_)?/, "").toUpperCase();

// good, bad, busy or quiet: what colour and shape a state has.
export function mood(state) {
  const word = plain(state);
  if (String(state).startsWith("PIPELINE_")) return word === "RUNNING" ? "good" : BAD.includes(word) ? "bad" : word === "STARTING" || word === "RESTARTING" ? "busy" : "quiet";
  if (GOOD.includes(word)) return "good";
  if (BAD.includes(word)) return "bad";
  return BUSY.includes(word) ? "busy" : "quiet";
}

export const shown = (state) => plain(state).toLowerCase().replaceAll("_", " ");
export const commitState = (info) => (info.error ? "FAILURE" : info.finished ? "FINISHED" : info.finishing ? "FINISHING" : "STARTED");
export const nsToDate = (ns) => (ns ? new Date(Number(ns) / 1e6).toISOString() : "");
