import { describe, expect, it } from 'vitest';
import { blockSizeOf, probeInput } from '../../src/runtime/blockedLayout.ts';
import { Engine } from '../../src/runtime/index.ts';

/** [1, 64, 1, 2] in blocks of b channels: [64/b, 2, b]. */
function blocked(b: number): number[] {
  const order: number[] = [];
  for (let block = 0; block < 64 / b; block++)
    for (let point = 0; point < 2; point++)
      for (let channel = 0; channel < b; channel++) order.push(2 * (block * b + channel) + point);
  return order;
}

describe('the blocked layout', () => {
  it('is known by its block size', () => {
    for (const b of [4, 8, 16, 32]) expect(blockSizeOf(blocked(b))).toBe(b);
  });

  it('is none where the order is another', () => {
    expect(blockSizeOf(probeInput.data as Float32Array)).toBeNull();
    const odd = blocked(16);
    [odd[70], odd[71]] = [odd[71], odd[70]];
    expect(blockSizeOf(odd)).toBeNull();
  });

  it('is found on this processor, or said to be missing', async () => {
    const engine = new Engine({ threads: 1 });
    expect([null, 4, 8, 16, 32]).toContain(await engine.blockSize());
    await engine.close();
  });
});
