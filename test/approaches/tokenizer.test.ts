/** @file Tokenizers as they come: checked, and their regular expressions run for a limited time. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ClapTokenizer } from '../../src/approaches/clap/tokenizer.ts';
import { WeightsError } from '../../src/core/index.ts';

const fixture = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/clap/tokenizer.json'), 'utf8'),
);
/** A tokenizer whose file differs: parts of it, by path. */
const open = (change: Record<string, unknown>) => {
  const json: unknown = structuredClone(fixture);
  for (const [path, value] of Object.entries(change)) {
    const steps = path.split('/');
    let at = json as Record<string, unknown>;
    for (const step of steps.slice(0, -1)) at = at[step] as Record<string, unknown>;
    at[steps.at(-1)!] = value;
  }
  const folder = mkdtempSync(join(tmpdir(), 'earshot-tokenizer-'));
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(json));
  return ClapTokenizer.open(folder, 1);
};
const split = (Regex: string) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false });

describe('a tokenizer', () => {
  it.each<[string, Record<string, unknown>]>([
    ['an id that no integer holds', { 'model/vocab/<s>': 147_000_000_000 }],
    ['a negative id', { 'model/vocab/<s>': -1 }],
    ['a fraction as id', { 'added_tokens/0/id': 0.5 }],
    ['a path as id', { 'added_tokens/0/id': '../../../etc/passwd' }],
    ['no model', { model: undefined }],
    ['a vocabulary that is none', { 'model/vocab': null }],
    ['merges that are none', { 'model/merges': [[1, 2]] }],
    ['a step that there is not', { pre_tokenizer: { type: 'Nothing' } }],
    ['an expression that is none', { pre_tokenizer: split('(') }],
  ])('with %s is refused', async (_, change) => {
    const opened = open(change);
    await expect(opened).rejects.toThrow(WeightsError);
    await expect(opened).rejects.toThrow(/tokenizer\.json/);
  });

  it('whose expressions take exponential time is stopped after a second', async () => {
    const tokenizer = await open({ pre_tokenizer: split('([a-zA-Z ]+)+#') });
    const start = performance.now();
    expect(() => tokenizer.batch(['This is a sound of a dog that barks and barks and barks'])).toThrow(
      WeightsError,
    );
    expect(() => tokenizer.encode('This is a sound of a dog that barks and barks')).toThrow(
      /takes more than 1 s for one prompt/,
    );
    // Without the limit, years.
    expect(performance.now() - start).toBeLessThan(20_000);
    // The thread is none the worse for it.
    expect((await open({})).encode('dog').length).toBeGreaterThan(2);
  });

  it('that is not there, or is no JSON, is told with its path', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'earshot-tokenizer-'));
    await expect(ClapTokenizer.open(folder, 1)).rejects.toThrow(/There is no .*tokenizer\.json/);
    writeFileSync(join(folder, 'tokenizer.json'), '{x');
    await expect(ClapTokenizer.open(folder, 1)).rejects.toThrow(WeightsError);
  });
});
