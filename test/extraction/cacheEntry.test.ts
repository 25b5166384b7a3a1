/** @file Entries of the cache: read back as they were written, under their own name only. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { entryPath, readEntry, writeEntry } from '../../src/extraction/index.ts';

const schema = z.object({ a: z.number() });
const [one, two] = ['1'.repeat(64), '2'.repeat(64)];
const data = Float32Array.of(1, 2, 3);

it('an entry comes back as it was written', async () => {
  const path = entryPath(mkdtempSync(join(tmpdir(), 'earshot-cache-')), one);
  expect(await readEntry(path, schema)).toBeNull();
  expect(await writeEntry(path, { a: 5 }, data)).toBe(true);
  expect(await readEntry(path, schema)).toEqual({ meta: { a: 5 }, data });
  expect(await readEntry(path, z.object({ b: z.number() }))).toBeNull();
});

it('two entries whose names were exchanged are both noticed, and one of another kind too', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-cache-'));
  const [first, second] = [entryPath(folder, one), entryPath(folder, two)];
  await writeEntry(first, { a: 1 }, data);
  await writeEntry(second, { a: 2 }, data);
  renameSync(first, `${first}.aside`);
  renameSync(second, first);
  renameSync(`${first}.aside`, second);
  expect(await readEntry(first, schema)).toBeNull();
  expect(await readEntry(second, schema)).toBeNull();
  const other = entryPath(folder, two, 'embeddings');
  mkdirSync(dirname(other), { recursive: true });
  copyFileSync(first, other);
  expect(await readEntry(other, schema)).toBeNull();
});

it('any byte changed is noticed', async () => {
  const path = entryPath(mkdtempSync(join(tmpdir(), 'earshot-cache-')), one);
  await writeEntry(path, { a: 5 }, data);
  const whole = readFileSync(path);
  for (let at = 0; at < whole.length; at += 7) {
    const changed = Uint8Array.from(whole);
    changed[at] ^= 16;
    writeFileSync(path, changed);
    expect(await readEntry(path, schema), `byte ${at}`).toBeNull();
  }
});
