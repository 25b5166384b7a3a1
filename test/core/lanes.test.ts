import { describe, expect, it } from 'vitest';
import { inLanes } from '../../src/core/index.ts';

describe('inLanes', () => {
  it('does the work for every item, never more at a time than there are lanes', async () => {
    let [running, most] = [0, 0];
    const done: number[] = [];
    await inLanes([5, 3, 1, 4, 2], 2, async (item) => {
      most = Math.max(most, ++running);
      for (let i = 0; i < item; i++) await Promise.resolve();
      done.push(item);
      running--;
    });
    expect(done.sort()).toEqual([1, 2, 3, 4, 5]);
    expect(most).toBe(2);
  });

  it('begins nothing more after a failure, and throws the first when all that ran has settled', async () => {
    const begun: number[] = [];
    let slow = 'running';
    let release = () => {};
    const waiting = new Promise<void>((resolve) => {
      release = resolve;
    });
    const working = inLanes([0, 1, 2, 3], 2, async (item) => {
      begun.push(item);
      if (item === 0) {
        await waiting;
        slow = 'settled';
        throw new Error('second');
      }
      setImmediate(release);
      throw new Error('first');
    });
    await expect(working).rejects.toThrow('first');
    expect(slow).toBe('settled');
    expect(begun).toEqual([0, 1]);
  });
});
