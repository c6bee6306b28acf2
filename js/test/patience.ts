/** For how long a test waits for what another thread does: a machine that is shared takes its time. */
export const PATIENCE_MS = 30_000;

/** Tells whether to go on waiting, from now on. */
export function patience(): () => boolean {
  const end = performance.now() + PATIENCE_MS;
  return () => performance.now() < end;
}
