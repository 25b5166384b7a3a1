import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileError } from '../../src/core/index.ts';
import { openLineLog, writeFileAtomic } from '../../src/files/index.ts';

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'earshot-log-'));
});
afterEach(() => rm(place, { recursive: true, force: true }));

describe('a log of JSON lines', () => {
  it('goes on behind the last whole line, whatever a kill left of the next', async () => {
    const path = join(place, 'log.jsonl');
    const long = 'x'.repeat(200_000);
    for (const [left, kept] of [
      ['', ''],
      ['{"a":1}\n', '{"a":1}\n'],
      ['{"a":1}\n{"b', '{"a":1}\n'],
      ['{"cut', ''],
      [`{"a":1}\n{"b":"${long}`, '{"a":1}\n'],
    ] as const) {
      await writeFile(path, left);
      const log = await openLineLog(path);
      log.write({ c: 3 });
      log.close();
      expect(await readFile(path, 'utf8')).toBe(`${kept}{"c":3}\n`);
    }
  });

  it.runIf(existsSync('/dev/full'))('throws a typed error where the disk is full', async () => {
    const path = join(place, 'log.jsonl');
    await symlink('/dev/full', path);
    const log = await openLineLog(path);
    expect(() => log.write({ a: 1 })).toThrow(FileError);
    expect(() => log.write({ a: 1 })).toThrow(/log\.jsonl could not be written: ENOSPC/);
    log.close();
  });
});

describe('writing a file whole or not at all', () => {
  it('names the file and says what to do about it', async () => {
    await writeFile(join(place, 'file'), '');
    const writing = writeFileAtomic(join(place, 'file/below.json'), '{}');
    await expect(writing).rejects.toThrow(FileError);
    const long = writeFileAtomic(join(place, 'n'.repeat(250)), '');
    await expect(long).rejects.toMatchObject({ code: 'FILE', hint: expect.stringContaining('shorter') });
  });
});
