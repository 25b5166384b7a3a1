/** @file Ctrl-C: the first asks the work to stop and save, the second ends the process. */
import { exitCodes } from './exitCodes.ts';

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
 * Takes over SIGINT and SIGTERM.
 * @param onFirst told once, when the work has been asked to stop
 * @param onSecond told right before the process ends, to put the terminal in order
 */
export function catchInterrupts(onFirst: () => void, onSecond: () => void): Interruption {
  const controller = new AbortController();
  let first = 0;
  const handle = () => {
    if (controller.signal.aborted) {
      if (performance.now() - first < oneKeyPress) return;
      onSecond();
      process.exit(exitCodes.cancelled);
    }
    first = performance.now();
    controller.abort();
    onFirst();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const name of signals) process.on(name, handle);
  return {
    signal: controller.signal,
    release() {
      for (const name of signals) process.off(name, handle);
    },
  };
}
