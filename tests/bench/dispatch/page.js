// Measures in a page, whose site has `/scripts.json`, the paths of scripts in their order, and
// `/data.json`, those of files.
export async function measure(options) {
  const json = async (path) => (await fetch(path)).json();
  for (const path of await json("/scripts.json")) {
    const script = document.createElement("script");
    script.src = path;
    const loaded = new Promise((resolve, reject) => {
      script.onload = resolve;
      script.onerror = () => reject(new Error(`${path} can't be loaded`));
    });
    document.head.append(script);
    await loaded;
  }
  const files = {};
  for (const path of await json("/data.json")) {
    files[path.replace("/data/", "")] = await (await fetch(path)).arrayBuffer();
  }
  const { pyjsml, pyjsmlModel, pyjsmlListing, pyjsmlDispatch } = globalThis;
  return pyjsmlDispatch.measure(pyjsml, pyjsmlModel, pyjsmlListing, files, options);
}
