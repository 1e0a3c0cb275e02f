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

// Values of any number: as arguments of one call they would be too many.
function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

// Two samples over the same bins, one behind the other.
export function Histogram({ before, now, label }) {
  const [low, high] = extent([...before, ...now]);
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

// How far a figure moved, and whether that is good; null where nobody can say.
export const Pointers = ({ by, better }) => !Number.isFinite(by) || by === 0 ? <span class="quiet">–</span>
  : <span class={better === null ? "" : better ? "good" : "bad"}>{by > 0 ? "+" : "−"}{number(Math.abs(by))}<span class="unseen">{better === null ? "" : better ? " better" : " worse"}</span></span>;

// Shares of an answer by input, largest first, to either side of the average; each with its number.
export function Shares({ of, label }) {
  const rows = Object.entries(of).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  const most = Math.max(...rows.map(([, share]) => Math.abs(share)), 1e-12);
  const signed = rows.some(([, share]) => share < 0);
  const zero = signed ? 50 : 0;
  const scale = (signed ? 50 : 100) / most;
  return <Table label={label} rows={rows} keyOf={([name]) => name} columns={[
    { name: "Input", show: ([name]) => name },
    { name: label, show: ([, share]) => (
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" class="share" aria-hidden="true">
        <rect width="100" height="8" rx="2" class="rail" /><rect x={share < 0 ? zero + share * scale : zero} width={Math.abs(share) * scale} height="8" class={share < 0 ? "down" : "up"} />
      </svg>) },
    { name: "", show: ([, share]) => `${signed && share > 0 ? "+" : ""}${number(share)}`, end: true },
  ]} />;
}

// One line for the chosen name over all windows, the others faint behind it. `points` are {at, label, values, marks}.
export function Course({ points, chosen, label }) {
  const names = Object.keys(points.at(-1)?.values ?? {});
  const most = Math.max(...points.flatMap((point) => Object.values(point.values)), 0.01);
  const x = (place) => 10 + (380 * place) / Math.max(1, points.length - 1);
  const y = (value) => 120 - (104 * value) / most;
  const line = (name) => points.map((point, place) => [place, point.values[name]]).filter(([, value]) => value !== undefined).map(([place, value], first) => `${first ? "L" : "M"}${x(place)},${y(value)}`).join("");
  return (
    <figure>
      <svg viewBox="0 0 400 142" class="course" role="img" aria-label={label}>
        <line x1="10" x2="390" y1="120" y2="120" class="axis" />
        {names.filter((name) => name !== chosen).map((name) => <path key={name} d={line(name)} class="faint"><title>{name}</title></path>)}
        <path d={line(chosen)} class="line" />
        {points.map((point, place) => point.values[chosen] !== undefined && <circle key={point.at} cx={x(place)} cy={y(point.values[chosen])} r="4.5" class={point.marks.includes(chosen) ? "moved" : "steady"}><title>{`${point.label}: ${number(point.values[chosen])}`}</title></circle>)}
        <text x="0" y="12">{number(most)}</text><text x="0" y="138">{points[0]?.label}</text><text x="400" y="138" text-anchor="end">{points.length > 1 ? points.at(-1).label : ""}</text>
      </svg>
      <figcaption class="quiet">{label}</figcaption>
    </figure>
  );
}
