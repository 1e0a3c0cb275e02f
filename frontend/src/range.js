// A long list read in ranges: the first at once, each further one when it is scrolled to.
import { useEffect, useRef, useState } from "preact/hooks";

// `read(last)` gives {rows, more}: what follows `last`, or the beginning. {rows, more, next, error, loading};
// `refresh` counts up where the beginning should be read anew: as many rows as there are, up to a range.
export function useRange(read, deps, refresh = 0) {
  const [state, set] = useState({ rows: [], more: false, loading: true });
  const busy = useRef(null);
  const latest = useRef(state);
  const put = (value) => set(latest.current = value);
  const take = async (last, alive) => {
    try {
      const found = await read(last);
      if (alive()) put({ rows: last === undefined ? found.rows : latest.current.rows.concat(found.rows), more: found.more, loading: false });
    } catch (error) {
      if (alive()) put({ ...latest.current, error, loading: false, more: false });
    }
  };
  const turn = useRef(0);
  const start = (keep) => {
    const mine = ++turn.current;
    const alive = () => mine === turn.current;
    if (!keep) put({ rows: [], more: false, loading: true });
    busy.current = take(undefined, alive).finally(() => { if (alive()) busy.current = null; });
  };
  useEffect(() => { start(false); return () => { turn.current++; }; }, deps);
  useEffect(() => { if (refresh && latest.current.rows.length <= 1000 && !busy.current) start(true); }, [refresh]);
  const next = () => {
    if (busy.current || !latest.current.more) return;
    const mine = turn.current;
    busy.current = take(latest.current.rows.at(-1), () => mine === turn.current).finally(() => { if (mine === turn.current) busy.current = null; });
  };
  return { ...state, next };
}
