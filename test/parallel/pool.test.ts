import { afterEach, describe, expect, it } from 'vitest';
import { CancelledError, RuntimeError } from '../../src/core/index.ts';
import { WorkerPool } from '../../src/parallel/index.ts';
import type { EchoTask } from './echoWorker.ts';

const pools: WorkerPool<EchoTask, { doubled: Float32Array }>[] = [];

function makePool(size: number, signal?: AbortSignal, name = 'echoWorker') {
  const pool = new WorkerPool<EchoTask, { doubled: Float32Array }>(import.meta.url, name, { size, signal });
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

describe('WorkerPool', () => {
  it('answers each task with its own result', async () => {
    const pool = makePool(2);
    const values = Array.from({ length: 20 }, (_, i) => i);
    const results = await Promise.all(values.map((value) => pool.run({ value })));
    expect(results.map(({ doubled }) => doubled[0])).toEqual(values.map((v) => 2 * v));
  });

  it('passes errors on, and goes on', async () => {
    const pool = makePool(1);
    const failing = pool.run({ value: 7, act: 'throw' });
    const after = pool.run({ value: 8 });
    await expect(failing).rejects.toMatchObject({ name: 'RangeError', message: '7 was refused' });
    expect((await after).doubled[0]).toBe(16);
  });

  it('replaces a worker that dies, losing only its task', async () => {
    const pool = makePool(1);
    const tasks = [{ value: 1 }, { value: 2, act: 'exit' as const }, { value: 3 }].map((task) =>
      pool.run(task),
    );
    const results = await Promise.allSettled(tasks);
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((results[1] as PromiseRejectedResult).reason).toBeInstanceOf(RuntimeError);
    expect(pool.failed).toBe(false);
  });

  it('gives up when no worker survives', async () => {
    const pool = makePool(1, undefined, 'noSuchWorker');
    const results = await Promise.allSettled(Array.from({ length: 30 }, () => pool.run({ value: 1 })));
    expect(results.every((r) => r.status === 'rejected')).toBe(true);
    expect((results[29] as PromiseRejectedResult).reason.message).toMatch(
      /4 worker threads died one after the other/,
    );
    expect(pool.failed).toBe(true);
  });

  it('is stopped by a signal, and by closing', async () => {
    const controller = new AbortController();
    const pool = makePool(1, controller.signal);
    const running = [pool.run({ value: 1, act: 'slow' }), pool.run({ value: 2 })];
    setTimeout(() => controller.abort(), 50);
    for (const r of await Promise.allSettled(running)) {
      expect((r as PromiseRejectedResult).reason).toBeInstanceOf(CancelledError);
    }
    await expect(pool.run({ value: 3 })).rejects.toThrow(CancelledError);
    const closed = makePool(1);
    const pending = expect(closed.run({ value: 1, act: 'slow' })).rejects.toThrow(CancelledError);
    await closed.close();
    await pending;
  });

  it('lends a worker to one caller, and others wait or take another until it is given back', async () => {
    const pool = makePool(1);
    const lease = await pool.lease();
    let others = 0;
    const waiting = pool.run({ value: 5 }).then((result) => {
      others++;
      return result;
    });
    expect((await lease.run({ value: 1 })).doubled[0]).toBe(2);
    await expect(lease.run({ value: 2, act: 'throw' })).rejects.toThrow('2 was refused');
    expect((await lease.run({ value: 3 })).doubled[0]).toBe(6);
    expect(others).toBe(0);
    lease.release();
    lease.release();
    expect((await waiting).doubled[0]).toBe(10);
    expect((await pool.run({ value: 6 })).doubled[0]).toBe(12);
  });

  it('replaces a lent worker that dies, and says so to whoever had it', async () => {
    const pool = makePool(1);
    const lease = await pool.lease();
    await expect(lease.run({ value: 1, act: 'exit' })).rejects.toThrow(RuntimeError);
    await expect(lease.run({ value: 2 })).rejects.toThrow('died between two tasks');
    lease.release();
    expect((await pool.run({ value: 3 })).doubled[0]).toBe(6);
  });
});
