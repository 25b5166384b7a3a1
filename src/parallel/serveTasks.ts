/** @file The worker's side of {@link WorkerPool}. */
import { parentPort, type TransferListItem } from 'node:worker_threads';
import { type PlainError, toPlainError } from '../core/index.ts';

export type TaskReply<Result> = { readonly result: Result } | { readonly error: PlainError };

/**
 * Answers each task of the pool with what `handle` returns, or with the error it throws. `transfer` lists the
 * ArrayBuffers to hand over instead of copying.
 */
export function serveTasks<Task, Result>(
  handle: (task: Task) => Promise<{ result: Result; transfer?: readonly TransferListItem[] }>,
): void {
  const port = parentPort;
  if (!port) throw new Error('serveTasks must run in a worker thread.');
  port.on('message', async (task: Task) => {
    try {
      const { result, transfer = [] } = await handle(task);
      port.postMessage({ result } satisfies TaskReply<Result>, [...transfer]);
    } catch (error) {
      port.postMessage({ error: toPlainError(error) } satisfies TaskReply<Result>);
    }
  });
}
