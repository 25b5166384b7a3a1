/** @file Models of several files with the list of their digests, from a local server that answers as Hugging Face does. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DownloadError } from '../../src/core/index.ts';
import { type PublishedModel, publishedModel, pullPublished } from '../../src/models/index.ts';
import { type WhisperSize, whisper, whisperSizes } from '../../src/networks/index.ts';
import { encodeSafetensors } from '../../src/weights/index.ts';
import { specsOf } from '../networks/runNetwork.ts';

const revision = '0123456789abcdef0123456789abcdef01234567';
const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const gitBlob = (bytes: Uint8Array) =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

let server: Server;
let directory: string;
let files: Record<string, Uint8Array>;
/** What the list says, where that is not what the files are. */
let listed: Record<string, Uint8Array>;
let asked: string[];
let listStatus: number;
let listBody: Uint8Array | null;

function listing(): Uint8Array {
  const siblings = Object.entries({ ...files, ...listed }).map(([rfilename, bytes]) => ({
    rfilename,
    size: bytes.length,
    // Git holds a pointer in place of a large file.
    blobId: gitBlob(rfilename.endsWith('.safetensors') ? text('pointer') : bytes),
    ...(rfilename.endsWith('.safetensors') ? { lfs: { sha256: sha256(bytes), size: bytes.length } } : {}),
  }));
  return text({ sha: revision, siblings });
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'earshot-hub-'));
  files = {
    'config.json': text({ model_type: 'whisper' }),
    'preprocessor_config.json': text({ n_fft: 400 }),
    'model.safetensors': encodeSafetensors([]),
  };
  [listed, asked, listStatus, listBody] = [{}, [], 200, null];
  server = createServer((request, response) => {
    asked.push(request.url!);
    if (request.url!.startsWith('/api/models/')) {
      response.writeHead(listStatus).end(listBody ?? listing());
      return;
    }
    const content = files[request.url!.split('/').at(-1)!];
    if (content === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-length': content.length }).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

const hub = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
/** whisper-tiny's entry, at this server. */
function tiny(): PublishedModel {
  const model = publishedModel('whisper-tiny');
  return { ...model, repository: { ...model.repository!, hub: hub() } };
}
const at = (file: string) => join(directory, 'whisper-tiny', file);

describe('a model on Hugging Face', () => {
  it('is fetched at the revision of the list, and compared with its digests', async () => {
    const pulled = await pullPublished(tiny(), { directory });
    expect(pulled).toMatchObject({
      ...{ name: 'whisper-tiny', path: at('model.safetensors'), verified: true, present: false },
      url: `${hub()}/openai/whisper-tiny/resolve/${revision}/model.safetensors`,
      bytes: Object.values(files).reduce((sum, { length }) => sum + length, 0),
    });
    expect(asked[0]).toBe('/api/models/openai/whisper-tiny/revision/main?blobs=true');
    expect(asked.slice(1).map((url) => url.split('/').at(-1))).toEqual([
      ...['config.json', 'preprocessor_config.json', 'model.safetensors'],
    ]);
    for (const [name, bytes] of Object.entries(files))
      expect(Buffer.compare(readFileSync(at(name)), bytes)).toBe(0);
  });

  it('that is there is not asked for again, and a damaged file of it is fetched anew', async () => {
    await pullPublished(tiny(), { directory });
    const before = asked.length;
    expect(await pullPublished(tiny(), { directory })).toMatchObject({ present: true, verified: true });
    expect(asked).toHaveLength(before);
    writeFileSync(at('config.json'), '{"model_type":"other"}');
    expect(await pullPublished(tiny(), { directory })).toMatchObject({ present: false });
    expect(asked.slice(before)).toEqual([`/openai/whisper-tiny/resolve/${revision}/config.json`]);
    writeFileSync(at('listing.json'), '');
    expect(await pullPublished(tiny(), { directory })).toMatchObject({ present: true });
  });

  it.each([
    ['config.json', /its Git blob id is [0-9a-f]{40}, [0-9a-f]{40} was expected/],
    ['model.safetensors', /its SHA-256 is [0-9a-f]{64}, [0-9a-f]{64} was expected/],
  ])('whose %s is not the published one is refused', async (name, message) => {
    listed = { [name]: text({ another: 'content' }) };
    await expect(pullPublished(tiny(), { directory })).rejects.toThrow(message);
    expect(existsSync(at(name))).toBe(false);
  });

  it('whose list cannot be had, is none, or lacks a file is refused', async () => {
    listStatus = 503;
    await expect(pullPublished(tiny(), { directory })).rejects.toThrow(
      /cannot be had from .*: the server answered 503/,
    );
    listStatus = 200;
    listBody = text({ sha: 'main', siblings: [] });
    await expect(pullPublished(tiny(), { directory })).rejects.toThrow(/is not a list of files/);
    listBody = text({ sha: revision, siblings: [] });
    await expect(pullPublished(tiny(), { directory })).rejects.toThrow(/lists no digest of config\.json/);
    rmSync(join(directory, 'whisper-tiny'), { recursive: true });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const gone = {
      ...publishedModel('whisper-tiny'),
      repository: { hub: 'http://127.0.0.1:9', id: 'openai/whisper-tiny' },
    };
    await expect(pullPublished(gone, { directory })).rejects.toThrow(DownloadError);
  });

  it('comes from a mirror without a list, and is then not verified', async () => {
    const mirror = `${hub()}/copies`;
    expect(await pullPublished(tiny(), { directory, mirror })).toMatchObject({
      ...{ verified: false, url: `${mirror}/whisper-tiny/model.safetensors` },
    });
    expect(asked.some((url) => url.startsWith('/api/'))).toBe(false);
  });
});

describe('the catalogue', () => {
  it('states as many numbers as each Whisper has', () => {
    const words = (size: string) => (/v3$|turbo/.test(size) ? 51_866 : 51_865);
    for (const [size, config] of Object.entries(whisperSizes)) {
      const d = config.width;
      const encoder = specsOf(whisper({ classes: 1, config }), [1, 1, config.nMels, 2])
        .filter(({ name }) => name.startsWith('encoder.'))
        .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
      // Per layer two attentions, three norms, the feed-forward part; words, 448 positions, the last norm.
      const layer = 2 * (4 * d * d + 3 * d) + 6 * d + 8 * d * d + 5 * d;
      const layers = size === 'turbo' ? 4 : config.layers;
      const decoder = words(size) * d + 448 * d + layers * layer + 2 * d;
      const name = `whisper-${(size as WhisperSize) === 'turbo' ? 'large-v3-turbo' : size}`;
      expect(publishedModel(name).weights, name).toBe(encoder + decoder);
      expect(publishedModel(name).url).toBe(
        `https://huggingface.co/openai/${name}/resolve/main/model.safetensors`,
      );
    }
  });
});
