// What is shown follows what is there: `useLive` reads again whenever the server says that one
// of its topics changed, keeps the old value meanwhile, and so never loses scroll or selection.
//
// A browser opens six connections to one server, for all its pages together. So the pages of one
// token share one channel: the page that holds the lock listens, and passes on what it hears.
// Pages that nobody sees read nothing until they are looked at, and a page rests nine times as
// long as it read, up to five seconds, however much happens.
import { useEffect, useRef, useState } from "preact/hooks";
import { lines, request, session } from "./api.js";

const hearers = new Set();
const watchers = new Set();
let connected = null;
let toldFrom = Infinity;

// Of one clock for all pages of the browser, which no correction of the time moves.
export const now = () => performance.timeOrigin + performance.now();

// Whether every change since that moment has been told to this page, or will be.
export const toldSince = (moment) => connected === true && moment >= toldFrom;

// `from`: since when changes are told. Where somebody listens anew, some may have gone by unheard.
function say(state, from = Infinity) {
  const anew = connected !== null && from !== toldFrom;
  toldFrom = from;
  if (connected !== state) {
    connected = state;
    watchers.forEach((watcher) => watcher(state));
  }
  if (state && anew) tell(null);
}

function tell(topics) {
  hearers.forEach((hearer) => hearer(topics));
}

const SILENCE_MS = 25_000;
const AGAIN_MS = 1_000;
const REST = 9;
const LONGEST_MS = 5_000;
let stop = new AbortController();

export function reconnect() {
  stop.abort();
  tell(null);
  share();
}

// The promise lasts as long as this page listens: until it is closed or takes another token.
export async function share() {
  stop = new AbortController();
  const mine = stop.signal;
  const began = now();
  const name = `howdah-events:${session.token}`;
  const others = new BroadcastChannel(name);
  mine.addEventListener("abort", () => others.close());
  others.onmessage = ({ data }) => {
    if (data.asks) return connected !== null && listening && others.postMessage({ state: connected, from: toldFrom });
    if ("state" in data) say(data.state, Math.max(data.from, began));
    else tell(data.topics);
  };
  let listening = false;
  const spread = {
    say: (state, from = Infinity) => { say(state, from); others.postMessage({ state, from }); },
    tell: (topics) => { tell(topics); others.postMessage({ topics }); },
  };
  const turn = () => { listening = true; return listen(mine, spread); };
  others.postMessage({ asks: true });
  try {
    await (navigator.locks ? navigator.locks.request(name, { signal: mine }, turn) : turn());
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

async function listen(mine, spread) {
  while (!mine.aborted) {
    const one = new AbortController();
    const ended = () => one.abort();
    mine.addEventListener("abort", ended);
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(ended, SILENCE_MS);
    };
    try {
      heard();
      const answer = await request("/console/events", { signal: one.signal });
      for await (const line of lines(answer.body)) {
        heard();
        if (!line.startsWith("data: ")) continue;
        const said = JSON.parse(line.slice(6));
        if (!Array.isArray(said)) spread.say(true, now() - said.told_since_ms);
        else if (said.length) spread.tell(said);
      }
    } catch {}
    clearTimeout(silence);
    mine.removeEventListener("abort", ended);
    if (mine.aborted) return;
    spread.say(false);
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

export function useConnection() {
  const [state, set] = useState(connected);
  useEffect(() => {
    watchers.add(set);
    set(connected);
    return () => watchers.delete(set);
  }, []);
  return state;
}

// `commits` of a page means every repo's; `commits:default/images` that repo's alone; `commits:*-raw` those so named.
const concerns = (changed, topics) => changed.some((one) => topics.some((topic) => one === topic || one.startsWith(`${topic}:`) || topic.startsWith(`${one}:`) || alike(one, topic)));
const alike = (one, topic) => {
  const [start, end] = topic.split("*");
  return end !== undefined && one.startsWith(start) && one.endsWith(end);
};

// Hears every change before the views do: `null` means that anything may have changed.
export const onTold = (hearer) => hearers.add(hearer);

// Calls `hear` whenever one of `topics` may have changed.
export function useTopic(topics, hear) {
  const latest = useRef(hear);
  latest.current = hear;
  useEffect(() => {
    const hearer = (changed) => { if (changed === null || concerns(changed, topics)) latest.current(); };
    hearers.add(hearer);
    return () => hearers.delete(hearer);
  }, [topics.join()]);
}

// {value, error, loading, again}. `read(signal, old)` is called anew when `deps` change or a topic does,
// and `every` so many milliseconds where no topic tells of it. With `keep` the value for the old `deps` stays,
// as loading, until there is the new one: for another look at the same object.
export function useLive(read, topics, deps, { every, keep = false } = {}) {
  const [state, set] = useState({ loading: true });
  const again = useRef(() => {});
  useEffect(() => {
    const gone = new AbortController();
    let running = false;
    let wanted = false;
    let value;
    const look = async () => {
      if (running || document.hidden) {
        wanted = true;
        return;
      }
      running = true;
      do {
        wanted = false;
        const began = performance.now();
        try {
          value = await read(gone.signal, value);
          if (!gone.signal.aborted) set({ value, loading: false });
        } catch (error) {
          if (!gone.signal.aborted) set((old) => ({ value: error.away ? old.value : undefined, error, loading: false }));
        }
        if (!gone.signal.aborted) await rest(Math.min(Math.max(AGAIN_MS, REST * (performance.now() - began)), LONGEST_MS), gone.signal);
      } while (wanted && !document.hidden && !gone.signal.aborted);
      running = false;
    };
    const hearer = (changed) => {
      if (changed === null || concerns(changed, topics)) look();
    };
    const seen = () => { if (!document.hidden && wanted) look(); };
    // What a person has just done is shown at once, whatever rest is due.
    again.current = async () => { value = await read(gone.signal, value); if (!gone.signal.aborted) set({ value, loading: false }); };
    hearers.add(hearer);
    document.addEventListener("visibilitychange", seen);
    set((old) => (keep ? { ...old, loading: true } : { loading: true }));
    look();
    const timer = every && setInterval(look, every);
    return () => {
      gone.abort();
      clearInterval(timer);
      hearers.delete(hearer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, deps);
  return { ...state, again: () => again.current() };
}

const rest = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
});
