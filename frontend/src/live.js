// What is shown follows what is there: `useLive` reads again whenever the server says that one
// of its topics changed, keeps the old value meanwhile, and so never loses scroll or selection.
import { useEffect, useRef, useState } from "preact/hooks";
import { lines, request } from "./api.js";

const hearers = new Set();
const watchers = new Set();
let connected = null;

export const isConnected = () => connected;

function say(state) {
  if (connected === state) return;
  connected = state;
  watchers.forEach((watcher) => watcher(state));
}

function tell(topics) {
  hearers.forEach((hearer) => hearer(topics));
}

const SILENCE_MS = 25_000;
const AGAIN_MS = 1_000;
let stop = new AbortController();

export function reconnect() {
  stop.abort();
}

async function listen() {
  for (;;) {
    stop = new AbortController();
    const mine = stop;
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => {
        say(false);
        mine.abort();
      }, SILENCE_MS);
    };
    try {
      heard();
      const answer = await request("/console/events", { signal: mine.signal });
      const wasAway = connected === false;
      say(true);
      if (wasAway) tell(null);
      for await (const line of lines(answer.body)) {
        heard();
        if (line.startsWith("data: [")) {
          const topics = JSON.parse(line.slice(6));
          if (topics.length) tell(topics);
        }
      }
    } catch {}
    clearTimeout(silence);
    if (!mine.signal.aborted) say(false);
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
let started = false;

export function useConnection() {
  const [state, set] = useState(connected);
  useEffect(() => {
    if (!started) {
      started = true;
      listen();
    }
    watchers.add(set);
    return () => watchers.delete(set);
  }, []);
  return state;
}

// {value, error, loading, again}. `read` is called anew when `deps` change or a topic does.
export function useLive(read, topics, deps) {
  const [state, set] = useState({ loading: true });
  const again = useRef(() => {});
  useEffect(() => {
    let alive = true;
    let running = false;
    let wanted = false;
    const look = async () => {
      if (running) {
        wanted = true;
        return;
      }
      running = true;
      do {
        wanted = false;
        try {
          const value = await read();
          if (alive) set({ value, loading: false });
        } catch (error) {
          if (alive) set((old) => ({ value: error.away ? old.value : undefined, error, loading: false }));
        }
      } while (wanted && alive);
      running = false;
    };
    const hearer = (changed) => {
      if (changed === null || changed.some((topic) => topics.includes(topic))) look();
    };
    again.current = look;
    hearers.add(hearer);
    set({ loading: true });
    look();
    return () => {
      alive = false;
      hearers.delete(hearer);
    };
  }, deps);
  return { ...state, again: () => again.current() };
}
