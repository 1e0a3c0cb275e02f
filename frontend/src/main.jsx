import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { call, onRefused, session } from "./api.js";
import { reconnect, share, useConnection } from "./live.js";
import { A, Router, usePlace } from "./route.jsx";
import { Palette } from "./palette.jsx";
import { Page } from "./parts.jsx";
import { Home } from "./views/home.jsx";
import { Dag } from "./views/dag.jsx";
import { Repos, Repo } from "./views/repos.jsx";
import { Commit } from "./views/commit.jsx";
import { Pipelines, Pipeline } from "./views/pipelines.jsx";
import { Jobs, Job, CommitSet } from "./views/jobs.jsx";
import { Models, Model } from "./views/models.jsx";
import { Deployments, Deployment } from "./views/deployments.jsx";
import { Monitoring } from "./views/monitoring.jsx";
import { Catalog } from "./views/catalog.jsx";
import { Compare } from "./views/compare.jsx";
import { Settings } from "./views/settings.jsx";
import { Predictions, Prediction } from "./views/predictions.jsx";
import "./console.css";

const NAVIGATION = [
  ["/", "Home", ""],
  ["/dag", "Graph", "dag"],
  ["/catalog", "Catalog", "catalog"],
  ["/repos", "Data", "repos"],
  ["/pipelines", "Pipelines", "pipelines"],
  ["/jobs", "Jobs", "jobs"],
  ["/models", "Models", "models"],
  ["/deployments", "Serving", "deployments"],
  ["/monitoring", "Monitoring", "monitoring"],
  ["/predictions", "Predictions", "predictions"],
];

function View() {
  const { parts } = usePlace();
  const [first, a, b, c] = parts;
  const key = parts.join("/");
  switch (first) {
    case undefined: return <Home />;
    case "dag": return <Dag />;
    case "repos": return c ? <Commit key={key} project={a} repo={b} rev={c} /> : b ? <Repo key={key} project={a} repo={b} /> : <Repos />;
    case "pipelines": return b ? <Pipeline key={key} project={a} name={b} /> : <Pipelines />;
    case "jobs": return c ? <Job key={key} project={a} pipeline={b} id={c} /> : <Jobs />;
    case "sets": return <CommitSet key={key} id={a} />;
    case "models": return b ? <Model key={key} project={a} name={b} /> : <Models />;
    case "deployments": return b ? <Deployment key={key} namespace={a} name={b} /> : <Deployments />;
    case "monitoring": return <Monitoring key={key} project={a} name={b} />;
    case "catalog": return <Catalog />;
    case "compare": return b ? <Compare key={key} project={a} name={b} /> : <Models />;
    case "settings": return <Settings />;
    case "predictions": return a ? <Prediction key={key} id={a} /> : <Predictions />;
    default: return <Page title="Nothing here"><p class="empty">This address names no object. <A to="/">Home</A></p></Page>;
  }
}

function Login({ close }) {
  const [token, set] = useState("");
  const [wrong, setWrong] = useState("");
  const had = useRef(session.token);
  const enter = async (event) => {
    event.preventDefault();
    session.token = token.trim();
    try {
      await call("pfs_v2.API/InspectProject", { project: { name: "default" } });
    } catch (error) {
      if (error.status === 401) return setWrong("This is not the one that this Howdah knows.");
      if (error.away) return setWrong(error.message);
    }
    close();
    reconnect();
  };
  return (
    <main class="login">
      <form onSubmit={enter}>
        <h1>Howdah</h1>
        {had.current && !wrong && <p role="status">The token that this window had no longer holds.</p>}
        <p>This Howdah asks for its token. It was shown once, when it was made with <code>--new-token</code>.</p>
        <label>Token<input type="password" autoFocus required value={token} onInput={(event) => set(event.currentTarget.value)} /></label>
        {wrong && <p class="problem" role="alert">{wrong}</p>}
        <button class="primary">Enter</button>
      </form>
    </main>
  );
}

function App() {
  const connected = useConnection();
  const [refused, setRefused] = useState(false);
  const [jumping, setJumping] = useState(false);
  const { parts } = usePlace();
  useEffect(() => onRefused(() => setRefused(true)), []);
  useEffect(() => {
    const pressed = (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "k") {
        event.preventDefault();
        setJumping(true);
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  if (refused) return <Login close={() => setRefused(false)} />;
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>To the content</a>
      <header class="top">
        <A to="/" class="brand"><img src="/console/assets/icon.svg" alt="" width="22" height="22" />Howdah</A>
        <nav aria-label="Views">
          {NAVIGATION.map(([address, name, word]) => (
            <A key={address} to={address} aria-current={(parts[0] ?? "") === word ? "page" : undefined}>{name}</A>
          ))}
        </nav>
        <A to="/settings" class="jump gear" aria-label="Settings" aria-current={parts[0] === "settings" ? "page" : undefined}>⚙</A>
        <button class="jump" onClick={() => setJumping(true)}>Jump to…<kbd>Ctrl K</kbd></button>
      </header>
      <div class="body">
        <div role="status" aria-live="polite">
          {connected === false && <p class="banner">Howdah does not answer. What you see is from before; this page goes on by itself as soon as it is back.</p>}
        </div>
        <View />
      </div>
      {jumping && <Palette close={() => setJumping(false)} />}
    </>
  );
}

share();
render(<Router><App /></Router>, document.getElementById("app"));
