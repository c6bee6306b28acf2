// Evaluates scripts for the Python side: a line of JSON holds one, and its answer is a line of JSON,
// `{value}` or `{error}`.
import { createInterface } from "node:readline";

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = { value: String((0, eval)(JSON.parse(line))) };
  } catch (error) {
    reply = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
