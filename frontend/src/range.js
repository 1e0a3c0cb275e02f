// A long list read in ranges: the first at once, each further one when it is scrolled to.
import { useEffect, useRef, useState } from "preact/hooks";

const FEW = 1000;
const LOOKS = 3;

// `read(last)` gives {rows, more}: what follows `last`, or the beginning. {rows, more, next, view, error, loading}.
// Where `refresh` is another than before, rows may have changed: few are read anew from the beginning, of many
// those that are in view (`view` is the table's), each in its place.
export function useRange(read, deps, refresh, keyOf) {
  const [state, set] = useState({ rows: [], more: false, loading: true });
  const latest = useRef(state);
  const busy = useRef(false);
  const due = useRef(false);
  const turn = useRef(0);
  const view = useRef([]);
  const known = useRef(refresh);
  const put = (value) => set(latest.current = value);
  // One after the other; what becomes due meanwhile follows.
  const take = async (reading) => {
    const mine = turn.current;
    busy.current = true;
    try {
      const found = await reading();
      if (mine === turn.current) put({ ...found, loading: false });
    } catch (error) {
      if (mine === turn.current) put({ ...latest.current, error, loading: false, more: false });
    }
    if (mine !== turn.current) return;
    busy.current = false;
    if (due.current) renew();
  };
  const renew = () => {
    due.current = false;
    take(() => (latest.current.rows.length <= FEW ? read() : inView(read, latest.current, view.current, keyOf)));
  };
  const onward = async () => {
    const { rows } = latest.current;
    const found = await read(rows.at(-1));
    return { rows: rows.concat(found.rows), more: found.more };
  };
  useEffect(() => {
    due.current = false;
    put({ rows: [], more: false, loading: true });
    take(() => read());
    return () => { turn.current++; };
  }, deps);
  useEffect(() => {
    if (refresh === known.current) return;
    known.current = refresh;
    if (busy.current) due.current = true;
    else renew();
  }, [refresh]);
  const next = () => { if (!busy.current && latest.current.more) take(onward); };
  return { ...state, next, view };
}

// Rows in view may lie far apart in the order that they are read in: a few ranges are read at most.
async function inView(read, { rows, more }, view, keyOf) {
  const seen = new Set(view.map(keyOf));
  const fresh = new Map();
  let looks = 0;
  for (let at = 0; at < rows.length && looks < LOOKS; at++) {
    if (!seen.has(keyOf(rows[at]))) continue;
    const found = (await read(rows[at - 1])).rows;
    found.forEach((row) => fresh.set(keyOf(row), row));
    at += Math.max(found.length, 1) - 1;
    looks++;
  }
  return { rows: rows.map((row) => fresh.get(keyOf(row)) ?? row), more };
}
