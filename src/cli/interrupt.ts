/** @file Ctrl-C: the first asks the work to stop and save, the second ends the process. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** Gives Ctrl-C its usual meaning back. */
  release(): void;
}

/**
 * Milliseconds in which signals count as one: under npm and npx, one Ctrl-C arrives twice, from the terminal and from
 * npm, which passes it on.
 */
const oneKeyPress = 500;

/**
 * Takes over SIGINT, SIGTERM and SIGHUP, which a closed terminal sends.
 * @param onFirst told once, when the work has been asked to stop
 * @param onSecond told right before the process ends, to put the terminal in order
 */
export function catchInterrupts(onFirst: () => void, onSecond: () => void): Interruption {
  const controller = new AbortController();
  let first = 0;
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const release = () => {
    for (const name of signals) process.off(name, handle);
  };
  const handle = () => {
    if (!controller.signal.aborted) {
      first = performance.now();
      controller.abort();
      onFirst();
    } else if (performance.now() - first >= oneKeyPress) {
      onSecond();
      // By the signal itself: an orderly exit would wait for the engine, which cannot be torn down while it computes.
      release();
      process.kill(process.pid, 'SIGINT');
    }
  };
  for (const name of signals) process.on(name, handle);
  return { signal: controller.signal, release };
}
