// The lines that user code wrote, any number of them: read in ranges as they are scrolled to, from
// either end, searched where they are stored, and followed while the job runs.
import { useEffect, useRef, useState } from "preact/hooks";
import { lines as read, request } from "./api.js";
import { setQuery, usePlace } from "./route.jsx";

const LINE = 18;
const MARGIN = 20;
const AHEAD = 1500;
const LOOK_EVERY_MS = 1000;

export function Logs({ job, datum, follow }) {
  const ask = async (asked) => (await request(`/console/logs?${new URLSearchParams({ project: job.pipeline.project.name, pipeline: job.pipeline.name, job: job.id, ...(datum ? { datum } : {}), ...asked })}`)).json();
  return <Lines label="Logs" follow={follow} ask={ask} />;
}

// A pod's log is a window on its newest lines.
export function PodLogs({ namespace, pod }) {
  const ask = async ({ search }) => {
    const answer = await request(`/api/v1/namespaces/${namespace}/pods/${pod}/log?tailLines=2000`);
    const found = [];
    for await (const line of read(answer.body)) if (!search || line.toLowerCase().includes(search.toLowerCase())) found.push(["", line]);
    return { lines: found, more: false };
  };
  return <Lines label={`Logs of ${pod}`} follow whole ask={ask} />;
}

// Times are not unique: which of the newest nanosecond's lines are known already.
function onward(rows) {
  const last = rows.at(-1);
  if (!last) return {};
  let seen = 0;
  while (rows[rows.length - 1 - seen]?.[0] === last[0]) seen++;
  return { from: last[0], seen };
}

function Lines({ ask, label, follow, whole }) {
  const [end, setEnd] = useState(Boolean(follow));
  const search = usePlace().query.get("search") ?? "";
  const [wanted, setWanted] = useState(search.trim());
  const [state, set] = useState({ rows: [], more: false, began: false });
  const latest = useRef(state);
  const busy = useRef(false);
  const turn = useRef(0);
  const put = (value) => set(latest.current = value);
  const load = async (asked, keep) => {
    const mine = turn.current;
    busy.current = true;
    try {
      const found = await ask({ ...asked, ...(wanted ? { search: wanted } : {}) });
      if (mine === turn.current && (found.lines.length || !keep || found.more !== latest.current.more))
        put({ rows: keep ? latest.current.rows.concat(found.lines) : found.lines, more: found.more, began: true, error: null });
    } catch (error) {
      if (mine === turn.current) put({ ...latest.current, error, began: true });
    }
    if (mine === turn.current) busy.current = false;
  };
  const first = () => load(end && !wanted ? { last: 1 } : {}, false);
  const next = () => { if (!busy.current) whole ? first() : load(onward(latest.current.rows), true); };
  useEffect(() => {
    turn.current++;
    first();
    return () => { turn.current++; };
  }, [end, wanted]);
  useEffect(() => {
    if (!follow) return;
    const timer = setInterval(() => { if (!document.hidden && latest.current.began && !latest.current.more) next(); }, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [follow, end, wanted]);
  // What was said last, after the job's end was told.
  useEffect(() => { if (!follow && latest.current.began && !latest.current.more) next(); }, [follow]);
  useEffect(() => {
    const timer = setTimeout(() => setWanted(search.trim()), 300);
    return () => clearTimeout(timer);
  }, [search]);
  const { rows, more, error, began } = state;
  const beginning = end && !wanted && !whole && rows.length >= 2000;
  return (
    <>
      <div class="filebar"><input type="search" aria-label="Search the logs" placeholder="Search" value={search} onInput={(event) => setQuery({ search: event.currentTarget.value })} />
        {!whole && !wanted && <div class="switch" role="group" aria-label="Where to read"><button aria-pressed={!end} onClick={() => setEnd(false)}>Beginning</button><button aria-pressed={end} onClick={() => setEnd(true)}>End</button></div>}
        <span class="quiet">{beginning ? "newest " : ""}{rows.length.toLocaleString("en")}{more ? "+" : ""} lines{follow ? ", listening" : ""}</span></div>
      {error && <p class="problem" role="alert">{error.message}</p>}
      {began && !rows.length && !error && <p class="empty">{wanted ? `No line says “${wanted}”.` : "Nothing has been said yet."}</p>}
      {rows.length > 0 && <Long key={`${end}${wanted}`} rows={rows} label={label} more={more} next={next} stick={end && !wanted} />}
    </>
  );
}

function Long({ rows, label, more, next, stick }) {
  const box = useRef(null);
  const inner = useRef(null);
  const atEnd = useRef(stick);
  const [from, setFrom] = useState(0);
  useEffect(() => {
    if (inner.current) inner.current.style.height = `${rows.length * LINE}px`;
    if (atEnd.current && box.current) box.current.scrollTop = rows.length * LINE;
  }, [rows.length]);
  const scrolled = () => {
    const { scrollTop, clientHeight, scrollHeight } = box.current;
    atEnd.current = !more && scrollTop + clientHeight > scrollHeight - 2 * LINE;
    const at = Math.floor(scrollTop / LINE);
    if (Math.abs(at - from) > MARGIN / 2) setFrom(at);
    if (more && at + AHEAD > rows.length) next();
  };
  const first = Math.max(0, from - MARGIN);
  const part = rows.slice(first, from + 40 + MARGIN);
  return (
    <div class="log" ref={box} onScroll={scrolled} tabIndex={0} role="log" aria-label={label}>
      <div ref={inner}>{part.map(([ts, message], place) => <Line key={first + place} top={(first + place) * LINE} ts={ts} message={message} />)}</div>
    </div>
  );
}

const clock = (ns) => new Date(Number(BigInt(ns) / 1_000_000n)).toISOString().slice(11, 23);

function Line({ top, ts, message }) {
  const line = useRef(null);
  useEffect(() => { line.current.style.transform = `translateY(${top}px)`; }, [top]);
  return <div class="line" ref={line}>{ts && <span class="quiet">{clock(ts)} </span>}{message}</div>;
}
