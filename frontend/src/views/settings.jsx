// What this browser remembers, and what this Howdah is.
import { useState } from "preact/hooks";
import { call, session } from "../api.js";
import { reconnect, useLive } from "../live.js";
import { Card, Facts, Page, Shown } from "../parts.jsx";

export function Settings() {
  const [actor, setActor] = useState(session.actor);
  const [saved, setSaved] = useState(false);
  const [token, setToken] = useState(Boolean(session.token));
  const live = useLive(async () => {
    const [version, cluster] = await Promise.all([call("versionpb_v2.API/GetVersion"), call("admin_v2.API/InspectCluster")]);
    return { version, cluster };
  }, [], []);
  const keep = (event) => { event.preventDefault(); session.actor = actor.trim(); setSaved(true); };
  const leave = () => { session.token = ""; setToken(false); reconnect(); };
  return (
    <Page title="Settings">
      <div class="cards">
        <Card title="You">
          <form class="inline" onSubmit={keep}>
            <label>Name that your decisions go on record with<input value={actor} onInput={(event) => { setActor(event.currentTarget.value); setSaved(false); }} /></label>
            <button class="primary">Keep</button>
          </form>
          <p class="quiet" aria-live="polite">{saved ? "Kept in this browser." : "It is asked for again before each decision."}</p>
        </Card>
        <Card title="Token">
          {token ? <><p>This window shows its token with every request. It is forgotten when the window is closed.</p><p><button onClick={leave}>Forget it now</button></p></>
            : <p class="quiet">This window shows no token. Where one is needed, it is asked for.</p>}
        </Card>
        <Card title="This Howdah"><Shown live={live}>{({ version, cluster }) => (
          <Facts of={[["Speaks Pachyderm", `${version.major}.${version.minor}.${version.micro}${version.additional ?? ""}`], ["Cluster ID", <code>{cluster.id}</code>], ["Deployment ID", <code>{cluster.deploymentId}</code>], ["Address", <code>{location.origin}</code>]]} />)}</Shown>
          <p class="quiet">Limits, ports and trust are set in howdah.toml, which is read when Howdah starts.</p></Card>
        <Card title="Keys">
          <Facts of={[["Jump to any object", <kbd>Ctrl K</kbd>], ["Next, previous", <kbd>Tab</kbd>], ["Close what is open", <kbd>Esc</kbd>]]} />
          <p class="quiet">Light or dark follows your system.</p>
        </Card>
      </div>
    </Page>
  );
}
