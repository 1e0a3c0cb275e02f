// Two versions of a model beside each other: figures, parameters, what each was made from.
import { Pointers } from "../charts.jsx";
import { useLive } from "../live.js";
import { Card, Empty, Page, Shown, Table } from "../parts.jsx";
import { A, setQuery, to, usePlace } from "../route.jsx";
import { champion, decisions, versions } from "../things.js";
import { ago, number } from "../words.js";

export function Compare({ project, name }) {
  const { query } = usePlace();
  const live = useLive(async () => ({ found: await versions(project, name), best: champion(await decisions(project, name)) }), [`commits:${project}/${name}-model`, `commits:${project}/${name}-decisions`], [project, name]);
  return (
    <Page title={`${name}, compared`} kind="model" crumbs={[["Models", "/models"], [name, to.model(project, name)]]}>
      <Shown live={live}>{({ found, best }) => {
        const find = (id) => found.find((version) => version.id === id);
        const a = find(query.get("a")) ?? find(best) ?? found.at(-1);
        const others = found.filter((version) => version.id !== a?.id);
        const differs = (version) => JSON.stringify(version.manifest.metrics) !== JSON.stringify(a.manifest.metrics);
        const b = find(query.get("b")) ?? others.find(differs) ?? others[0];
        return !a || !b ? <Empty>There is one version only; a second one is needed to compare.</Empty> : <Two {...{ project, name, a, b, versions: found, best }} />;
      }}</Shown>
    </Page>
  );
}

function Two({ project, name, a, b, versions, best }) {
  const pick = (side, chosen) => (
    <label class="beside">{side === "a" ? "this" : "with"}<select aria-label={side === "a" ? "First version" : "Second version"} value={chosen.id} onChange={(event) => setQuery({ [side]: event.currentTarget.value })}>
      {versions.map((version) => <option key={version.id} value={version.id}>{version.id.slice(0, 12)}{version.id === best ? " (champion)" : ""} · {ago(version.at)}</option>)}
    </select></label>
  );
  const rows = facts(a.manifest, b.manifest);
  const differing = rows.filter((row) => row.a !== row.b);
  return (
    <>
      <p class="chooser">{pick("a", a)}{pick("b", b)}<A class="button" to={`${to.commit(project, `${name}-model`, b.id)}?against=${a.id}`}>Files that differ</A></p>
      <div class="columns">
        <Card title="Figures" flush><Figures {...{ a, b }} /></Card>
        <Card title="What differs" aside={`${differing.length} of ${rows.length} facts`} flush>
          <Table label="What differs" rows={differing} keyOf={(row) => row.name} empty="Nothing but the figures." columns={[
            { name: "", show: (row) => row.name }, { name: a.id.slice(0, 12), show: (row) => shown(row.a) }, { name: b.id.slice(0, 12), show: (row) => shown(row.b) }]} />
        </Card>
      </div>
    </>
  );
}

const LESS_IS_BETTER = /^(mae|rmse|mape|mase|log_loss|brier|loss)$/;

function Figures({ a, b }) {
  const rows = Object.keys({ ...a.manifest.metrics, ...b.manifest.metrics }).flatMap((split) =>
    Object.keys({ ...a.manifest.metrics?.[split], ...b.manifest.metrics?.[split] }).map((metric) => ({ split, metric, a: a.manifest.metrics?.[split]?.[metric], b: b.manifest.metrics?.[split]?.[metric] })));
  return <Table label="Figures" rows={rows} keyOf={(row) => row.split + row.metric} empty="Neither bundle holds figures." columns={[
    { name: "Figure", show: (row) => <>{row.metric} <span class="quiet">{row.split.replaceAll("_", " ")}</span></> },
    { name: a.id.slice(0, 12), show: (row) => number(row.a), end: true },
    { name: b.id.slice(0, 12), show: (row) => number(row.b), end: true },
    { name: "Change", show: (row) => <Pointers by={row.b - row.a} better={LESS_IS_BETTER.test(row.metric) ? row.b < row.a : row.metric === "bias" ? null : row.b > row.a} />, end: true },
  ]} />;
}

const shown = (text) => (text === undefined ? <span class="quiet">–</span> : /^[0-9a-f]{32}$/.test(text) ? <A class="id" to={to.set(text)}>{text.slice(0, 12)}</A> : text);

// Everything that a manifest says but its figures, as flat names.
function facts(a, b) {
  const flat = (value, name) => (value !== null && typeof value === "object" ? Object.entries(value).flatMap(([key, inner]) => flat(inner, name ? `${name}.${key}` : key)) : [[name, String(value)]]);
  const [one, other] = [a, b].map(({ metrics, ...rest }) => Object.fromEntries(flat(rest, "")));
  return Object.keys({ ...one, ...other }).map((name) => ({ name, a: one[name], b: other[name] }));
}
