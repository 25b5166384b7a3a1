import { describe, expect, it } from 'vitest';
import { CancelledError, ParameterError } from '../../src/core/index.ts';
import { GuardError, GuardedWorker } from '../../src/parallel/index.ts';
import type { GuardedEchoTask } from './guardedEchoWorker.ts';

const worker = new GuardedWorker<GuardedEchoTask, number>(import.meta.url, 'guardedEchoWorker', {
  heapMegabytes: 64,
});

describe('GuardedWorker', () => {
  it('answers tasks in their order, on one thread', async () => {
    const answers = [1, 2, 3].map((value) => worker.run({ value }, { seconds: 60 }));
    expect(await Promise.all(answers)).toEqual([2, 4, 6]);
  });

  it('passes errors on with their class', async () => {
    await expect(worker.run({ value: 7, act: 'throw' }, { seconds: 60 })).rejects.toThrow(ParameterError);
  });

  it('ends a loop that never ends, and the next task has a thread of its own', async () => {
    const loop = worker.run({ value: 1, act: 'loop' }, { seconds: 0.3 });
    const next = worker.run({ value: 4 }, { seconds: 60 });
    await expect(loop).rejects.toMatchObject({ name: 'GuardError', reason: 'time' });
    expect(await next).toBe(8);
  });

  it('ends a task that fills the memory', async () => {
    const full = worker.run({ value: 1, act: 'fill' }, { seconds: 60 });
    await expect(full).rejects.toThrow(GuardError);
    await expect(full).rejects.toMatchObject({ reason: 'memory' });
    expect(await worker.run({ value: 5 }, { seconds: 60 })).toBe(10);
  });

  it('refuses WebAssembly more memory than it may have', async () => {
    await expect(worker.run({ value: 1, act: 'grow' }, { seconds: 60 })).rejects.toThrow(
      'the limit of this thread is reached',
    );
  });

  it('is stopped in the middle of a loop', async () => {
    const controller = new AbortController();
    const loop = worker.run({ value: 1, act: 'loop' }, { seconds: 60, signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(loop).rejects.toThrow(CancelledError);
  });
});
