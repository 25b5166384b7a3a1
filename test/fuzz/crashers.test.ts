/** @file Inputs that once were too much for a reader, found by `npm run fuzz`: each is read, or refused by a typed error. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/index.ts';
import { inputOf, judge } from '../../tools/fuzz/judge.ts';
import { minimise } from '../../tools/fuzz/minimise.ts';
import { type Target, targets } from '../../tools/fuzz/targets.ts';

const crashers = join(import.meta.dirname, '../fixtures/crashers');

describe('inputs that once were too much', () => {
  it.each(targets.filter(({ name }) => existsSync(join(crashers, name))))('for $name', async (target) => {
    const reader = await target.open();
    for (const name of readdirSync(join(crashers, target.name))) {
      const outcome = await judge(reader, new Uint8Array(readFileSync(join(crashers, target.name, name))));
      expect(outcome, name).toBeTypeOf('string');
    }
  });

  it('are kept for targets that there are', () => {
    const names = new Set(targets.map(({ name }) => name));
    for (const name of readdirSync(crashers)) expect(names).toContain(name);
  });
});

describe('the fuzzer', () => {
  it('makes the same inputs of the same seed, and others of another', async () => {
    const target = targets.find(({ name }) => name === 'safetensors') as Target;
    const { seeds } = await target.open();
    const inputs = (seed: number) => Array.from({ length: 20 }, (_, i) => inputOf(target, seeds, seed, i));
    expect(inputs(3)).toEqual(inputs(3));
    expect(inputs(4)).not.toEqual(inputs(3));
  });

  it('tells a typed error from any other, a number that is not finite, and what is slow', async () => {
    const reader = (read: () => undefined | 'not-finite') => ({ seeds: [], read });
    const bytes = new Uint8Array(3);
    expect(
      await judge(
        reader(() => undefined),
        bytes,
      ),
    ).toBe('accepted');
    expect(
      await judge(
        reader(() => 'not-finite'),
        bytes,
      ),
    ).toMatchObject({ kind: 'not-finite' });
    const typeError = reader(() => (null as unknown as { x: undefined }).x);
    expect(await judge(typeError, bytes)).toMatchObject({
      kind: 'error',
      signature: expect.stringMatching(/^TypeError: /),
    });
  });

  it('makes an input small that shows a defect', async () => {
    const random = new Random(2);
    const bytes = Uint8Array.from({ length: 500 }, () => random.integer(200));
    bytes.set([250, 251], 300);
    const shows = async (smaller: Uint8Array) => smaller.includes(250) && smaller.includes(251);
    expect([...(await minimise(bytes, shows))]).toEqual([250, 251]);
  });
});
