import { createHash } from 'node:crypto';
import { mkdtemp, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ContentHashes, cacheDirectory, hashFile, sha256 } from '../../src/files/index.ts';

const old = new Date(Date.now() - 3_600_000);
const truth = (text: string) => createHash('sha256').update(text).digest('hex');

async function fileOf(text: string): Promise<{ folder: string; path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-hashes-'));
  const path = join(folder, 'a.bin');
  await writeFile(path, text);
  await utimes(path, old, old);
  return { folder, path };
}

describe('content hashes', () => {
  // A file's time of change cannot be set, so it is the clock that goes forward.
  const later = (ms: number) => vi.setSystemTime(Date.now() + ms);
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
    later(60_000);
  });
  afterEach(() => vi.useRealTimers());

  it('are SHA-256, of a stream as of a string', async () => {
    const text = 'x'.repeat(700_000);
    const { path } = await fileOf(text);
    expect(await hashFile(path)).toBe(truth(text));
    // FIPS 180-2, appendix B.1.
    expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('are remembered between openings until the file changes', async () => {
    const { folder, path } = await fileOf('one');
    const first = await ContentHashes.open(folder);
    expect(await first.recall(path)).toBeNull();
    expect(await first.hash(path)).toBe(truth('one'));
    await first.save();
    const second = await ContentHashes.open(folder);
    expect(await second.recall(path)).toBe(truth('one'));
    await writeFile(path, 'two');
    expect(await second.recall(path)).toBeNull();
    expect(await second.hash(path)).toBe(truth('two'));
  });

  it('are not remembered for a file that was changed just now', async () => {
    const { folder, path } = await fileOf('one');
    later(-60_000);
    const hashes = await ContentHashes.open(folder);
    expect(await hashes.hash(path)).toBe(truth('one'));
    expect(await hashes.recall(path)).toBeNull();
  });

  it('notice a file that was changed in place with its size and modification time kept', async () => {
    const { path } = await fileOf('one');
    const hashes = await ContentHashes.open(null);
    expect(await hashes.hash(path)).toBe(truth('one'));
    expect(await hashes.recall(path)).toBe(truth('one'));
    const before = await stat(path);
    await writeFile(path, 'two');
    await utimes(path, before.atime, before.mtime);
    expect(await stat(path)).toMatchObject({ size: before.size, mtimeMs: before.mtimeMs, ino: before.ino });
    expect(await hashes.hash(path)).toBe(truth('two'));
  });

  it('survive a damaged memory', async () => {
    const { folder, path } = await fileOf('one');
    for (const content of [
      '{',
      '[]',
      '{"format":"other","files":{}}',
      '{"format":"earshot-content-hashes-2","files":{"x":[1,2]}}',
    ]) {
      await writeFile(join(folder, 'content-hashes.json'), content);
      const hashes = await ContentHashes.open(folder);
      expect(await hashes.hash(path)).toBe(truth('one'));
      await hashes.save();
      expect(JSON.parse(await readFile(join(folder, 'content-hashes.json'), 'utf8')).files[path][1]).toBe(
        truth('one'),
      );
    }
  });
});

describe('cacheDirectory', () => {
  const before = process.env['EARSHOT_CACHE'];
  afterEach(() => {
    if (before === undefined) delete process.env['EARSHOT_CACHE'];
    else process.env['EARSHOT_CACHE'] = before;
  });
  it('is what the environment says, else a folder here', () => {
    process.env['EARSHOT_CACHE'] = '/somewhere/cache';
    expect(cacheDirectory()).toBe('/somewhere/cache');
    delete process.env['EARSHOT_CACHE'];
    expect(cacheDirectory()).toBe(join(process.cwd(), '.earshot', 'cache'));
  });
});
