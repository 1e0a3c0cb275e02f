// The lines that user code wrote: live while the job runs, searchable, any number of them.
import { useEffect, useRef, useState } from "preact/hooks";
import { stream } from "./api.js";
import { lines as read, request } from "./api.js";

const LINE = 18;
const MARGIN = 20;
const SHOW_EVERY_MS = 150;

export function Logs({ job, datum, follow }) {
  const asked = { job, userCodeOnly: false, follow: Boolean(follow), ...(datum ? { datum: { job, id: datum } } : {}) };
  return <Lines label="Logs" source={async function* (signal) {
    for await (const line of stream("pps_v2.API/GetLogs", asked, signal)) yield [line.ts, String(line.message).replace(/\n$/, "")];
  }} />;
}

export function PodLogs({ namespace, pod }) {
  return <Lines label={`Logs of ${pod}`} source={async function* (signal) {
    const answer = await request(`/api/v1/namespaces/${namespace}/pods/${pod}/log?follow=true&tailLines=1000`, { signal });
    for await (const line of read(answer.body)) yield ["", line];
  }} />;
}

function Lines({ source, label }) {
  const kept = useRef([]);
  const [, draw] = useState(0);
  const [search, setSearch] = useState("");
  const [error, setError] = useState(null);
  const [ended, setEnded] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    kept.current = [];
    let waiting = null;
    const soon = () => { waiting ??= setTimeout(() => { waiting = null; draw((n) => n + 1); }, SHOW_EVERY_MS); };
    (async () => {
      try {
        for await (const line of source(stop.signal)) {
          kept.current.push(line);
          soon();
        }
        setEnded(true);
      } catch (failed) {
        if (!stop.signal.aborted) setError(failed);
      }
    })();
    return () => { stop.abort(); clearTimeout(waiting); };
  }, []);
  const wanted = search.toLowerCase();
  const rows = wanted ? kept.current.filter(([, message]) => message.toLowerCase().includes(wanted)) : kept.current;
  return (
    <>
      <p class="filebar"><input type="search" aria-label="Search the logs" placeholder="Search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
        <span class="quiet">{rows.length.toLocaleString("en")} lines{ended ? "" : ", listening"}</span></p>
      {error && <p class="problem" role="alert">{error.message}</p>}
      <Long rows={rows} label={label} />
    </>
  );
}

function Long({ rows, label }) {
  const box = useRef(null);
  const inner = useRef(null);
  const atEnd = useRef(true);
  const [from, setFrom] = useState(0);
  useEffect(() => {
    if (inner.current) inner.current.style.height = `${rows.length * LINE}px`;
    if (atEnd.current && box.current) box.current.scrollTop = rows.length * LINE;
  }, [rows.length]);
  const scrolled = () => {
    const { scrollTop, clientHeight, scrollHeight } = box.current;
    atEnd.current = scrollTop + clientHeight > scrollHeight - 2 * LINE;
    setFrom(Math.floor(scrollTop / LINE));
  };
  const first = Math.max(0, from - MARGIN);
  const part = rows.slice(first, from + 40 + MARGIN);
  return (
    <div class="log" ref={box} onScroll={scrolled} tabIndex={0} role="log" aria-label={label}>
      <div ref={inner}>{part.map(([ts, message], place) => <Line key={first + place} top={(first + place) * LINE} ts={ts} message={message} />)}</div>
    </div>
  );
}

function Line({ top, ts, message }) {
  const line = useRef(null);
  useEffect(() => { line.current.style.transform = `translateY(${top}px)`; }, [top]);
  return <div class="line" ref={line}>{ts && <span class="quiet">{ts.slice(11, 23)} </span>}{message}</div>;
}
