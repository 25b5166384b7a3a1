import { describe, expect, it } from 'vitest';
import { argmax } from '../../src/core/index.ts';

describe('argmax', () => {
  it('is the first place of the largest value, and always a place where values are not numbers', () => {
    expect(argmax([1, 3, 3, 2])).toBe(1);
    expect(argmax(Float32Array.of(-2, -1, -3))).toBe(1);
    expect(argmax([Number.NaN, 1, 2])).toBe(2);
    expect(argmax([2, Number.NaN, 1])).toBe(0);
    expect(argmax([Number.NaN, Number.NaN, -1])).toBe(2);
    expect(argmax([Number.NaN, Number.NaN])).toBeLessThan(2);
    expect(argmax([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY])).toBe(0);
  });
});
