import { run } from "./scenarios.js";

onmessage = async ({ data }) => postMessage(await run(data));
