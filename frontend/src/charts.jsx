// Small pictures in SVG, each beside the numbers it shows.
import { number } from "./words.js";
import { Table } from "./parts.jsx";

export function Interval({ from, until, at, label }) {
  const low = Math.min(from, 0);
  const high = Math.max(until, 0);
  const x = (value) => 10 + (280 * (value - low)) / (high - low || 1);
  return (
    <figure>
      <svg viewBox="0 0 300 44" class="interval" role="img" aria-label={`${label}: ${number(at)}, from ${number(from)} to ${number(until)}`}>
        <line x1={x(0)} x2={x(0)} y1="4" y2="32" class="zero"><title>zero</title></line>
        <line x1={x(from)} x2={x(until)} y1="18" y2="18" class="range" />
        <circle cx={x(at)} cy="18" r="5" class="at" />
        <text x={x(from)} y="42" text-anchor="start">{number(from)}</text>
        <text x={x(until)} y="42" text-anchor="end">{number(until)}</text>
      </svg>
      <figcaption class="quiet">{label}</figcaption>
    </figure>
  );
}

// How far each column moved, against the furthest.
export function Bar({ value, most, bad }) {
  return (
    <svg viewBox="0 0 100 8" preserveAspectRatio="none" class={`bar${bad ? " bad" : ""}`} aria-hidden="true">
      <rect width="100" height="8" rx="2" class="rail" /><rect width={(100 * value) / (most || 1)} height="8" rx="2" class="value" />
    </svg>
  );
}

// {split: {metric: value}} as one table.
export function Pairs({ of, label }) {
  const splits = Object.keys(of ?? {});
  const metrics = [...new Set(splits.flatMap((split) => Object.keys(of[split])))];
  return <Table label={label} rows={metrics} keyOf={(metric) => metric} columns={[
    { name: "Metric", show: (metric) => metric },
    ...splits.map((split) => ({ name: split.replaceAll("_", " "), show: (metric) => number(of[split][metric]), end: true })),
  ]} />;
}

// Two samples over the same bins, one behind the other.
export function Histogram({ before, now, label }) {
  const values = [...before, ...now];
  const low = Math.min(...values);
  const high = Math.max(...values);
  const bins = 24;
  const spread = (sample) => {
    const found = new Array(bins).fill(0);
    for (const value of sample) found[Math.min(bins - 1, Math.floor((bins * (value - low)) / (high - low || 1)))] += 1 / sample.length;
    return found;
  };
  const [a, b] = [spread(before), spread(now)];
  const most = Math.max(...a, ...b) || 1;
  const bars = (found, kind) => found.map((share, place) => <rect key={place} x={12.5 * place} width="11.5" y={100 - (95 * share) / most} height={(95 * share) / most} class={kind} />);
  return (
    <figure>
      <svg viewBox="0 0 300 118" class="histogram" role="img" aria-label={label}>
        {bars(a, "before")}{bars(b, "now")}
        <text x="0" y="114">{number(low)}</text><text x="300" y="114" text-anchor="end">{number(high)}</text>
      </svg>
      <figcaption class="quiet"><span class="key before" /> historic ({before.length}) <span class="key now" /> live ({now.length})</figcaption>
    </figure>
  );
}
