import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Random } from '../../src/core/index.ts';
import { spectrogram } from '../../src/workflows/index.ts';
import { tone, writeTone } from '../support/tones.ts';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

it('draws a recording too long to hold as it draws one that is held, but for the width of its columns', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-long-picture-'));
  folders.push(folder);
  const file = join(folder, 'tone.wav');
  await writeTone(file, tone('high', 4, new Random(2)));
  const draw = (name: string, held?: number) =>
    spectrogram({ file, out: join(folder, name), ...(held === undefined ? {} : { held }) });
  const { out: a, ...held } = await draw('held.png');
  const { out: b, ...streamed } = await draw('streamed.png', 1000);
  expect(a).not.toBe(b);
  expect(streamed).toEqual(held);
});
