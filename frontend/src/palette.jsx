// Ctrl-K: every object by a few letters of its name.
import { useEffect, useRef, useState } from "preact/hooks";
import { pipelines, repos } from "./lists.js";
import { cases, deployments } from "./things.js";
import { go, to } from "./route.jsx";

const VIEWS = [["Home", "/"], ["Graph", "/dag"], ["Catalog", "/catalog"], ["Data", "/repos"], ["Pipelines", "/pipelines"], ["Jobs", "/jobs"], ["Models", "/models"], ["Serving", "/deployments"], ["Monitoring", "/monitoring"], ["Predictions", "/predictions"], ["Settings", "/settings"]].map(([name, address]) => ({ kind: "view", name, address }));

async function everything() {
  const [r, p, d, c] = await Promise.all([repos(), pipelines(), deployments(), cases()]);
  return [
    ...VIEWS,
    ...p.map((info) => ({ kind: "pipeline", name: info.pipeline.name, address: to.pipeline(info.pipeline.project.name, info.pipeline.name) })),
    ...r.map((info) => ({ kind: "repo", name: info.repo.name, address: to.repo(info.repo.project.name, info.repo.name) })),
    ...d.map((one) => ({ kind: "deployment", name: one.metadata.name, address: to.deployment(one.metadata.namespace, one.metadata.name) })),
    ...c.flatMap((one) => [{ kind: "model", name: one.name, address: to.model(one.project, one.name) }, { kind: "monitoring", name: one.name, address: to.monitoring(one.project, one.name) }]),
  ];
}

// Letters in order, anywhere; together and early is better.
function score(name, wanted) {
  const at = name.toLowerCase().indexOf(wanted);
  if (at >= 0) return at;
  let from = 0;
  for (const letter of wanted) {
    from = name.toLowerCase().indexOf(letter, from) + 1;
    if (!from) return null;
  }
  return 100 + from;
}

export function Palette({ close }) {
  const dialog = useRef(null);
  const [all, setAll] = useState(VIEWS);
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  useEffect(() => {
    dialog.current.showModal();
    everything().then(setAll, () => {});
  }, []);
  const wanted = text.trim().toLowerCase();
  const found = all.map((one) => ({ ...one, score: score(one.name, wanted) })).filter((one) => one.score !== null).sort((a, b) => a.score - b.score).slice(0, 12);
  if (/^[0-9a-f]{32}$/.test(wanted)) found.unshift({ kind: "global ID", name: wanted, address: to.set(wanted) });
  else if (/^[0-9a-f-]{36}$/.test(wanted)) found.unshift({ kind: "prediction", name: wanted, address: to.prediction(wanted) });
  const open = (one) => { if (one) { close(); go(one.address); } };
  const key = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setChosen((old) => Math.max(0, Math.min(found.length - 1, old + step)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      open(found[chosen]);
    }
  };
  return (
    <dialog ref={dialog} class="palette" onClose={close} aria-label="Jump to" onClick={(event) => event.target === dialog.current && close()}>
      <input type="search" role="combobox" aria-expanded="true" aria-controls="found" aria-activedescendant={found.length ? `found-${chosen}` : undefined} aria-label="Name of an object, or a global ID" placeholder="Name of an object, or a global ID"
        value={text} onInput={(event) => { setText(event.currentTarget.value); setChosen(0); }} onKeyDown={key} autoFocus />
      <ul id="found" role="listbox" aria-label="Found">{found.map((one, place) => (
        <li key={one.address} id={`found-${place}`} role="option" aria-selected={place === chosen} onClick={() => open(one)}><span>{one.name}</span><span class="quiet">{one.kind}</span></li>))}</ul>
    </dialog>
  );
}
