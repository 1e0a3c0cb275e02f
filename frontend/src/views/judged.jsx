// What pipelines wrote about a model beside it: how it did on rows it never saw, what moves its answers.
import { readFile, orNull } from "../api.js";
import { Shares } from "../charts.jsx";
import { useLive } from "../live.js";
import { Card, Id, Table } from "../parts.jsx";
import { Picture } from "../preview.jsx";
import { to } from "../route.jsx";
import { filesOf, report, reports } from "../things.js";
import { number } from "../words.js";

async function plots(project, repo, commit) {
  const found = (await orNull(filesOf(project, repo, commit, "/plots"))) ?? [];
  return Promise.all(found.filter((info) => info.file.path.endsWith(".svg")).map(async (info) => ({ path: info.file.path, ...(await readFile(project, repo, commit, info.file.path, 2 << 20)) })));
}

// Predicted against true, of that version or the newest: figures beside those of the naive answer, and the pipeline's plots.
export function Judged({ project, name, version }) {
  const repo = `${name}-evaluate`;
  const live = useLive(async () => {
    const found = (await reports(project, repo, "/evaluation.json")).find(({ document }) => !version || document.model === version);
    return found && { ...found, plots: await plots(project, repo, found.commit) };
  }, [`commits:${project}/${repo}`], [project, name, version], { keep: true });
  if (!live.value) return null;
  const { document, commit } = live.value;
  return (
    <Card title="Predicted against true" aside={<Id of={commit} to={to.commit(project, repo, commit, "/evaluation.json")} />}>
      <p>Model {document.model.slice(0, 12)} on {number(document.rows)} rows that it never saw.</p>
      <Table label="Predicted against true" rows={Object.keys(document.figures)} keyOf={(metric) => metric} columns={[
        { name: "Figure", show: (metric) => metric }, { name: "Model", show: (metric) => number(document.figures[metric]), end: true }, { name: "Naive", show: (metric) => number(document.naive[metric]), end: true }]} />
      <div class="plots">{live.value.plots.map((plot) => <Picture key={commit + plot.path} {...plot} type="image/svg+xml" />)}</div>
    </Card>
  );
}

export function Importance({ project, name }) {
  const repo = `${name}-explain`;
  const live = useLive(() => report(project, repo, "/explanation.json"), [`commits:${project}/${repo}`], [project, name]);
  if (!live.value?.document.importance) return null;
  const { document, commit } = live.value;
  return (
    <Card title="What moves its answers" aside={<Id of={commit} to={to.commit(project, repo, commit, "/explanation.json")} />}>
      <p class="quiet">The mean size of each input's Shapley value over {number(document.rows.length)} rows.</p>
      <Shares of={document.importance} label="Mean size" />
    </Card>
  );
}
