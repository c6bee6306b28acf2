import { defineConfig } from "vitest/config";

export default defineConfig({
  // Some tests make thousands of runs, and a machine that is shared takes its time.
  test: { testTimeout: 120_000, hookTimeout: 120_000 },
});
