import { describe, expect, it } from 'vitest';
import { CancelledError, RuntimeError } from '../../src/core/index.ts';
import { runInProcess } from '../../src/parallel/index.ts';
import type { CountTask } from './countProcessWorker.ts';

const run = (task: CountTask, options: { signal?: AbortSignal; onEvent?: (n: number) => void } = {}) =>
  runInProcess<CountTask, { pid: number; sum: number }, number>(
    import.meta.url,
    'countProcessWorker',
    task,
    options,
  );

describe('a task in a process of its own', () => {
  it('answers from there, and tells of its progress', async () => {
    const told: number[] = [];
    const [one, other] = await Promise.all([
      run({ to: 4 }, { onEvent: (n) => told.push(n) }),
      run({ to: 2 }),
    ]);
    expect([one.sum, other.sum]).toEqual([10, 3]);
    expect(new Set([process.pid, one.pid, other.pid]).size).toBe(3);
    expect(told).toEqual([1, 2, 3, 4]);
  });

  it('passes errors on with their kind and hint', async () => {
    const error = await run({ to: 1, act: 'throw' }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'DATASET', message: 'The set is empty.', hint: 'Fill it.' });
    await expect(run({ to: 1, act: 'type error' })).rejects.toThrow(/x is not a function/);
  });

  it('tells how a process ended that gave no answer', async () => {
    await expect(run({ to: 1, act: 'die' })).rejects.toThrow(/without an answer \(SIGKILL\)/);
    const error = await run({ to: 1, act: 'exit' }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(RuntimeError);
    expect((error as Error).message).toMatch(/\(exit code 3\): out of everything/);
  });

  it('lets the work save itself when stopped', async () => {
    const controller = new AbortController();
    const running = run(
      { to: 0, act: 'wait' },
      { signal: controller.signal, onEvent: () => controller.abort() },
    );
    await expect(running).rejects.toThrow(new CancelledError('Stopped; saved.'));
    await expect(run({ to: 1 }, { signal: controller.signal })).rejects.toBeInstanceOf(CancelledError);
  });
});
