import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileError, UsageError } from '../../src/core/index.ts';
import { claimFolder, makeFolder } from '../../src/files/index.ts';

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'earshot-claim-'));
});
afterEach(() => rm(place, { recursive: true, force: true }));

/** The number of a process that has ended. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid!;
}

const record = (changes: object) =>
  JSON.stringify({ pid: process.pid, host: hostname(), start: null, since: 'yesterday', ...changes });

describe('a claimed folder', () => {
  it('belongs to one command at a time, and goes again where nothing was written to it', async () => {
    const folder = join(place, 'runs/x-1');
    const claim = await claimFolder(folder);
    await expect(claimFolder(folder)).rejects.toThrow(UsageError);
    await expect(claimFolder(folder)).rejects.toThrow(`in use by process ${process.pid}`);
    await claim.release();
    expect(await readdir(place)).toEqual([]);
    const second = await claimFolder(folder);
    await writeFile(join(folder, 'model.onnx'), 'm');
    await second.release();
    expect(await readdir(folder)).toEqual(['model.onnx']);
  });

  it('is one of those that ask for it at the same moment', async () => {
    const folder = join(place, 'contested');
    const asked = await Promise.allSettled(Array.from({ length: 20 }, () => claimFolder(folder)));
    const got = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(got).toHaveLength(1);
    for (const one of asked) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(UsageError);
    expect(await readdir(folder)).toEqual(['.earshot-claim-1.json']);
    await got[0].release();
  });

  it('stays where it was there before', async () => {
    const folder = join(place, 'mine');
    await mkdir(folder);
    await (await claimFolder(folder)).release();
    expect(await readdir(place)).toEqual(['mine']);
  });

  it.each([
    ['whose process has ended', async () => record({ pid: await deadProcess() })],
    ['whose number another process has got since', async () => record({ start: 'another time' })],
    ['that a power cut left empty', async () => ''],
  ])('is taken over from a claim %s', async (_, left) => {
    const path = join(place, '.earshot-claim-7.json');
    await writeFile(path, await left());
    await utimes(path, 1, 1);
    const claim = await claimFolder(place);
    expect(await readdir(place)).toEqual(['.earshot-claim-8.json']);
    await claim.release();
    expect(await readdir(place)).toEqual([]);
  });

  it('is not taken over from another machine, whose processes cannot be seen', async () => {
    await writeFile(join(place, '.earshot-claim-1.json'), record({ host: 'elsewhere', pid: 1 }));
    const refused = claimFolder(place);
    await expect(refused).rejects.toThrow('in use by process 1 on elsewhere');
    await expect(refused).rejects.toMatchObject({ hint: expect.stringContaining('.earshot-claim-1.json') });
  });
});

describe('making a folder', () => {
  it('makes folders that share missing parents, all at once', async () => {
    for (let round = 0; round < 20; round++) {
      const names = Array.from({ length: 24 }, (_, i) => join(place, `round-${round}/shared/${i % 12}/deep`));
      const made = (await Promise.all(names.map(makeFolder))).flat();
      // Each of them by exactly one.
      expect(new Set(made).size).toBe(made.length);
      expect(made).toHaveLength(2 + 12 * 2);
    }
  });

  it('makes those above it too and says which it made', async () => {
    expect(await makeFolder(join(place, 'a/b'))).toEqual([join(place, 'a'), join(place, 'a/b')]);
    expect(await makeFolder(join(place, 'a/b'))).toEqual([]);
  });

  it('says that a file is in the way', async () => {
    await writeFile(join(place, 'file'), '');
    for (const path of ['file', 'file/below'])
      await expect(makeFolder(join(place, path))).rejects.toThrow(/a file is in its way/);
  });

  it.runIf(existsSync('/proc/self'))('ends below /proc, where no folder can be made', async () => {
    const making = makeFolder('/proc/earshot/runs/x');
    await expect(making).rejects.toThrow(FileError);
    await expect(making).rejects.toThrow('the system allows none in /proc');
  });

  it.runIf(existsSync('/sys/kernel'))('names a read-only place and says what to do', async () => {
    const making = makeFolder('/sys/kernel/earshot/x');
    await expect(making).rejects.toThrow(FileError);
    await expect(making).rejects.toThrow(/\/sys\/kernel\/earshot could not be made/);
    await expect(making).rejects.toMatchObject({ hint: expect.stringMatching(/place/) });
  });
});
