// Aborts runs in a page, whose site has a bundle below `/bundle/`, and `/data.json`, the paths of what
// its executors take.
import { ABORTER, measure } from "./cancel.js";

async function start(heard) {
  const ports = `const listen = (f) => void (self.onmessage = ({ data }) => f(data));
    const post = (message) => self.postMessage(message);`;
  const url = URL.createObjectURL(new Blob([ports + ABORTER], { type: "text/javascript" }));
  const worker = new Worker(url);
  worker.onmessage = ({ data }) => heard(data);
  const end = () => {
    worker.terminate();
    URL.revokeObjectURL(url);
  };
  return { post: (ms) => worker.postMessage(ms), end };
}

export async function cancel({ runtime, ...options }) {
  const files = {};
  for (const path of await (await fetch("/data.json")).json()) {
    files[path.replace("/data/", "")] = await (await fetch(path)).arrayBuffer();
  }
  const { model } = await import("/bundle/index.js");
  return measure(await import(`/bundle/${runtime}`), model, files, options, start);
}
