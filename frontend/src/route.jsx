// Addresses. Every object has one; filters stand in the query and survive every update.
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";

// What is no text in an address names nothing; it is shown as it stands.
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const read = () => ({
  parts: location.pathname.split("/").filter(Boolean).map(decoded),
  query: new URLSearchParams(location.search),
});
const Place = createContext(null);
export const usePlace = () => useContext(Place);

export function go(to, replace = false) {
  if (to === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  dispatchEvent(new Event("moved"));
  if (!replace) scrollTo(0, 0);
}

export function setQuery(changes, replace = true) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes))
    value === null || value === "" ? query.delete(name) : query.set(name, value);
  const text = query.toString();
  go(location.pathname + (text ? `?${text}` : ""), replace);
}

export function Router({ children }) {
  const [place, set] = useState(read);
  useEffect(() => {
    const moved = () => set(read());
    addEventListener("moved", moved);
    addEventListener("popstate", moved);
    return () => {
      removeEventListener("moved", moved);
      removeEventListener("popstate", moved);
    };
  }, []);
  return <Place.Provider value={place}>{children}</Place.Provider>;
}

export function A({ to, children, ...rest }) {
  const follow = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(to);
  };
  return <a href={to} onClick={follow} {...rest}>{children}</a>;
}

const join = (...parts) => "/" + parts.map(encodeURIComponent).join("/");
export const to = {
  repo: (project, repo) => join("repos", project, repo),
  commit: (project, repo, rev, path) =>
    join("repos", project, repo, rev) + (path && path !== "/" ? `?path=${encodeURIComponent(path)}` : ""),
  pipeline: (project, name) => join("pipelines", project, name),
  job: (project, pipeline, id) => join("jobs", project, pipeline, id),
  set: (id) => join("sets", id),
  dag: (set) => "/dag" + (set ? `?set=${set}` : ""),
  model: (project, name) => join("models", project, name),
  monitoring: (project, name) => join("monitoring", project, name),
  deployment: (namespace, name) => join("deployments", namespace, name),
  prediction: (id) => join("predictions", id),
};
