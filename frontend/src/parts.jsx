// The few building blocks that every view is made of.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { A } from "./route.jsx";
import { ago, mood, shown } from "./words.js";

const MARKS = { good: "●", bad: "▲", busy: "◐", quiet: "○" };
export const State = ({ of, title }) =>
  of ? <span class={`state ${mood(of)}`} title={title}><span aria-hidden="true">{MARKS[mood(of)]}</span> {shown(of)}</span> : null;

export function Time({ at }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 15_000);
    return () => clearInterval(timer);
  }, []);
  return at ? <time dateTime={at} title={new Date(at).toLocaleString("en")}>{ago(at)}</time> : null;
}

export const Id = ({ of, to }) => (!of ? null : to ? <A to={to} class="id" title={of}>{of.slice(0, 12)}</A> : <code class="id" title={of}>{of.slice(0, 12)}</code>);

export const Page = ({ title, kind, crumbs = [], state, actions, children }) => {
  useEffect(() => {
    document.title = `${title} · Howdah`;
  }, [title]);
  return (
    <main id="main" tabIndex={-1}>
      <header class="page">
        {crumbs.length > 0 && (
          <nav aria-label="Where this is" class="crumbs">
            {crumbs.map(([text, address]) => <A key={address} to={address}>{text}</A>)}
          </nav>
        )}
        <div class="title">
          <h1>{title}</h1>
          {kind && <span class="kind">{kind}</span>}
          {state && <State of={state} />}
          {actions && <div class="actions">{actions}</div>}
        </div>
      </header>
      {children}
    </main>
  );
};

export const Card = ({ title, aside, children, wide, flush }) => (
  <section class={`card${wide ? " wide" : ""}${flush ? " flush" : ""}`} aria-label={title}>
    {title && <header><h2>{title}</h2>{aside && <div class="aside">{aside}</div>}</header>}
    <div class="inside">{children}</div>
  </section>
);

export const Empty = ({ children }) => <p class="empty">{children}</p>;
export const Problem = ({ error }) => <p class="problem" role="alert">{error.message}</p>;

// Shows a `useLive` value, or why there is none.
export function Shown({ live, children }) {
  if (live.value !== undefined) return children(live.value);
  if (live.error) return <Problem error={live.error} />;
  return <p class="empty waiting" role="status">Reading…</p>;
}

export const Facts = ({ of }) => (
  <dl class="facts">
    {of.filter(([, value]) => value !== undefined && value !== null && value !== "").map(([name, value]) => (
      <div key={name}><dt>{name}</dt><dd>{value}</dd></div>
    ))}
  </dl>
);

const ROW = 36;
const MARGIN = 12;
const AHEAD = 1500;

// A table of any length: only rows near the window exist. `columns`: [{name, show, narrow, end}].
// `next` reads what follows, where `more` of it is known to be there; `view` is told which rows exist.
export function Table({ label, columns, rows, keyOf, height = 480, empty = "Nothing here yet.", more = false, next, view }) {
  const box = useRef(null);
  const [from, setFrom] = useState(0);
  const few = rows.length <= 200 && !more;
  if (!rows.length) return <Empty>{empty}</Empty>;
  const fits = Math.ceil(height / ROW) + 2 * MARGIN;
  const first = few ? 0 : Math.max(0, Math.min(from - MARGIN, rows.length - fits));
  const part = few ? rows : rows.slice(first, first + fits);
  const after = rows.length - first - part.length;
  if (view) view.current = part;
  const scrolled = few ? undefined : (event) => {
    const at = Math.floor(event.currentTarget.scrollTop / ROW);
    if (Math.abs(at - from) > MARGIN / 2) setFrom(at);
    if (more && at + AHEAD > rows.length) next();
  };
  return (
    <div class={few ? "scroll" : "scroll tall"} ref={box} onScroll={scrolled} tabIndex={0} role="region" aria-label={label}>
      <table aria-label={label} aria-rowcount={more ? -1 : rows.length + 1}>
        <thead><tr>{columns.map((column) => <th key={column.name} scope="col" class={column.end ? "end" : column.wideOnly ? "wide-only" : ""}>{column.name}</th>)}</tr></thead>
        <tbody>
          {first > 0 && <Spacer rows={first} span={columns.length} />}
          {part.map((row, place) => (
            <tr key={keyOf(row)} aria-rowindex={first + place + 2}>
              {columns.map((column) => <td key={column.name} class={column.end ? "end" : column.wideOnly ? "wide-only" : ""}>{column.show(row)}</td>)}
            </tr>
          ))}
          {after > 0 && <Spacer rows={after} span={columns.length} />}
        </tbody>
      </table>
    </div>
  );
}

function Spacer({ rows, span }) {
  const cell = useRef(null);
  // Through the object model: the page's policy allows no style attributes in its text.
  useLayoutEffect(() => {
    cell.current.style.height = `${rows * ROW}px`;
  }, [rows]);
  return <tr aria-hidden="true" class="spacer"><td colSpan={span} ref={cell} /></tr>;
}

// Asks before something changes. `fields` are {name, label, value, long}.
export function Confirm({ title, says, action, danger, fields = [], run, close }) {
  const dialog = useRef(null);
  const [values, setValues] = useState(() => Object.fromEntries(fields.map((field) => [field.name, field.value ?? ""])));
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    dialog.current.showModal();
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await run(values);
      close();
    } catch (failed) {
      setError(failed);
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="confirm-title">
      <form onSubmit={submit}>
        <h2 id="confirm-title">{title}</h2>
        <div class="says">{says}</div>
        {fields.map((field) => (
          <label key={field.name}>
            {field.label}
            {field.long
              ? <textarea rows={3} required value={values[field.name]} onInput={(event) => setValues({ ...values, [field.name]: event.currentTarget.value })} />
              : <input required value={values[field.name]} onInput={(event) => setValues({ ...values, [field.name]: event.currentTarget.value })} />}
          </label>
        ))}
        {error && <Problem error={error} />}
        <div class="buttons">
          <button type="button" onClick={close}>Cancel</button>
          <button class={danger ? "danger" : "primary"} disabled={busy}>{action}</button>
        </div>
      </form>
    </dialog>
  );
}
