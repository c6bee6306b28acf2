// Runs a bundle in Node for the Python side:
// `node node.mjs PATH_OF_INDEX.JS PATH_OF_RUNTIME OPTIONS [PATH_OF_ANOTHER_EXECUTOR]`.
//
// A message, in either direction, is the length of its header and of its payload, each as a
// little-endian u32, then the header, which is JSON, then the payload, a safetensors file. The first
// message that comes back tells how loading went; then each request `{capture: [name]}` is
// answered by `{}` and the results, `{measure: rounds}` by `{}` and times as JSON, or any by `{error}`. Node ends when its standard input does.
import "./report.js";
import "./timing.js";
import { Console } from "node:console";
import { pathToFileURL } from "node:url";

const report = globalThis.pyjsmlReport;
// Standard output carries messages; whatever else is said goes to standard error.
globalThis.console = new Console(process.stderr);

const [index, runtimePath, options, custom] = process.argv.slice(2);
const messages = readMessages(process.stdin);
let runtime;
let executor;
try {
  runtime = await import(pathToFileURL(runtimePath));
  const { createExecutor, model } = await import(pathToFileURL(index));
  executor = custom
    ? await runtime.createCustom(
        (await import(pathToFileURL(custom))).default,
        model,
        JSON.parse(options),
      )
    : await createExecutor(JSON.parse(options));
  send({});
} catch (error) {
  send(report.failure(error));
}
for await (const { header, payload } of messages) {
  try {
    const feed = runtime.readSafetensors(payload);
    if (header.measure) {
      const found = globalThis.pyjsmlTiming.measure(runtime, executor, feed, header.measure);
      send({}, Buffer.from(JSON.stringify(found)));
    } else {
      send({}, report.success(runtime, await executor.capture(feed, header.capture)));
    }
  } catch (error) {
    send(report.failure(error));
  }
}

function send(header, payload = new Uint8Array()) {
  const text = Buffer.from(JSON.stringify(header));
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32LE(text.length, 0);
  lengths.writeUInt32LE(payload.length, 4);
  process.stdout.write(Buffer.concat([lengths, text, payload]));
}

async function* readMessages(stream) {
  let chunks = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    for (;;) {
      if (length < 8) break;
      if (chunks[0].length < 8) chunks = [Buffer.concat(chunks)];
      const header = chunks[0].readUInt32LE(0);
      const size = 8 + header + chunks[0].readUInt32LE(4);
      if (length < size) break;
      const bytes = Buffer.concat(chunks);
      yield {
        header: JSON.parse(bytes.toString("utf8", 8, 8 + header)),
        payload: bytes.subarray(8 + header, size),
      };
      chunks = size < length ? [bytes.subarray(size)] : [];
      length -= size;
    }
  }
}
