/** @file The process's side of `runInProcess`. */
import { type PlainError, toPlainError } from '../core/index.ts';

export type ProcessOrder<Task> = { readonly task: Task } | { readonly stop: true };

export type ProcessMessage<Result, Event> =
  | { readonly event: Event }
  | { readonly result: Result }
  | { readonly error: PlainError };

/** Milliseconds to save the work in when nobody waits for it any more. */
const grace = 5_000;

/**
 * Answers the one task of this process with what `handle` returns or throws, then ends. `signal` is aborted when the
 * caller asks to stop, and when the caller is gone.
 */
export function serveProcess<Task, Result, Event = never>(
  handle: (task: Task, hooks: { signal: AbortSignal; tell: (event: Event) => void }) => Promise<Result>,
): void {
  if (process.send === undefined) throw new Error('serveProcess must run in a process with a channel.');
  const controller = new AbortController();
  const tell = (message: ProcessMessage<Result, Event>) =>
    new Promise<void>((resolve) => {
      if (!process.connected) resolve();
      else process.send!(message, undefined, undefined, () => resolve());
    });
  // Ctrl-C reaches all processes of a terminal at once: the caller decides, and orders a stop.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});
  let alone = false;
  const abandoned = () => {
    alone = true;
    controller.abort();
    // By a signal: an orderly exit would wait for the engine, which cannot be torn down while it computes.
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), grace).unref();
  };
  process.on('disconnect', abandoned);
  process.on('message', async (order: ProcessOrder<Task>) => {
    if ('stop' in order) {
      controller.abort();
      return;
    }
    try {
      const result = await handle(order.task, {
        signal: controller.signal,
        tell: (event) => void tell({ event }),
      });
      await tell({ result });
    } catch (error) {
      await tell({ error: toPlainError(error) });
    }
    if (alone) process.exit(1);
    // Nothing should be left running; if something is, the process ends all the same.
    process.off('disconnect', abandoned);
    if (process.connected) process.disconnect();
    setTimeout(() => process.exit(0), 3000).unref();
  });
}
