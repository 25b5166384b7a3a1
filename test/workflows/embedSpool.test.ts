import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbedder } from '../../src/approaches/index.ts';
import { joined, Random } from '../../src/core/index.ts';
import { Embedder, embedRecordings } from '../../src/embeddings/index.ts';
import { Engine } from '../../src/runtime/index.ts';
import { type EmbedEvent, embed } from '../../src/workflows/index.ts';
import { tinyArtifact } from '../support/tinyArtifact.ts';
import { tone, writeTone } from '../support/tones.ts';

let folder: string;
const at = (place: string) => join(folder, place);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-spool-'));
  await mkdir(at('in'));
  await writeFile(at('model.onnx'), tinyArtifact());
  for (const [name, seconds] of [
    ['a', 40],
    ['b', 0.3],
    ['c', 90],
  ] as const)
    await writeTone(at(`in/${name}.wav`), tone('low', seconds, new Random(name)));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function embedded(out: string, format: 'npz' | 'json', held?: number): Promise<EmbedEvent[]> {
  const events: EmbedEvent[] = [];
  const options = { paths: [at('in')], embedder: { network: at('model.onnx') }, out: at(out), format };
  for await (const event of embed({ ...options, threads: 1, ...(held === undefined ? {} : { held }) }))
    events.push(event);
  return events;
}

async function listed<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

it('waits in a file while a long recording is embedded, gone when the next one is asked for', async () => {
  const engine = new Engine({ threads: 1 });
  try {
    const embedder = await Embedder.load(await openEmbedder({ network: at('model.onnx') }), engine);
    const spool = { bytes: 0, output: (i: number) => at(`spools/${i}.npz`) };
    const path = at('in/a.wav');
    const [plain] = await listed(embedRecordings([path], embedder, { workers: 0 }));
    const all = plain?.state === 'embedded' ? plain.recording.embedding : new Float32Array(0);
    for await (const event of embedRecordings([path], embedder, { workers: 0, spool })) {
      if (event.state !== 'embedded') throw new Error('It was not embedded.');
      expect(event.recording.embedding).toHaveLength(0);
      expect(await readdir(at('spools'))).toHaveLength(1);
      const blocks = await listed(event.recording.spool!.blocks(embedder.spec.size));
      expect(joined(blocks)).toEqual(all);
    }
    expect(all.length).toBeGreaterThan(0);
    expect(await readdir(at('spools'))).toEqual([]);
  } finally {
    await engine.close();
  }
});

describe('vectors that are not held until their file is written', () => {
  it.each(['npz', 'json'] as const)(
    'give the same bytes (%s), and leave nothing beside them',
    async (format) => {
      await embedded(`${format}-held`, format);
      const events = await embedded(`${format}-spooled`, format, 0);
      expect(events.map(({ state }) => state)).toEqual(['written', 'written', 'written']);
      const names = ['a', 'b', 'c'].map((name) => `${name}.${format}`);
      expect((await readdir(at(`${format}-spooled`))).sort()).toEqual(names);
      for (const name of names)
        expect(await readFile(at(`${format}-spooled/${name}`))).toEqual(
          await readFile(at(`${format}-held/${name}`)),
        );
      // Known as whole, and kept.
      const again = await embedded(`${format}-spooled`, format, 0);
      expect(again.map(({ state }) => state)).toEqual(['kept', 'kept', 'kept']);
    },
  );
});
