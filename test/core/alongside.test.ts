import { describe, expect, it } from 'vitest';
import { alongside, companionOf } from '../../src/core/index.ts';

const failingAfter = (turns: number, message: string) =>
  (async () => {
    for (let i = 0; i < turns; i++) await null;
    throw new Error(message);
  })();

describe('alongside', () => {
  it('gives what both gave', async () => {
    expect(await alongside(Promise.resolve('a'), () => 1)).toEqual(['a', 1]);
  });

  it('throws the first failure, whichever of the two it is, and keeps the second as its companion', async () => {
    for (const [running, working] of [
      [3, 40],
      [40, 3],
    ] as const) {
      const error: Error = await alongside(failingAfter(running, 'running'), () =>
        failingAfter(working, 'work'),
      ).then(
        () => expect.unreachable(),
        (e) => e,
      );
      const [first, second] = running < working ? ['running', 'work'] : ['work', 'running'];
      expect(error.message).toBe(first);
      expect(companionOf(error)).toMatchObject({ message: second });
    }
  });

  it('waits for what is running when the work has failed', async () => {
    let ended = false;
    const running = new Promise<void>((resolve) => {
      setImmediate(() => {
        ended = true;
        resolve();
      });
    });
    await expect(
      alongside(running, () => {
        throw new TypeError('at once');
      }),
    ).rejects.toThrow(TypeError);
    expect(ended).toBe(true);
  });
});
