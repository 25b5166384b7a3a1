import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CancelledError,
  DownloadError,
  ParameterError,
  type ProgressEvent,
  Random,
} from '../../src/core/index.ts';
import {
  openl3ModelName,
  type PublishedModel,
  publishedModel,
  publishedModels,
} from '../../src/models/catalogue.ts';
import { pullModel, pullPublished } from '../../src/models/pullModel.ts';
import { networkByName, openl3EmbeddingSizes, openl3InputReprs } from '../../src/networks/index.ts';
import { specsOf } from '../networks/runNetwork.ts';
import { type FileServer, serveFile } from './fileServer.ts';

const random = new Random(3);
const content = Uint8Array.from({ length: 1_000_000 }, (_, i) =>
  i < 2 ? [0x1f, 0x8b][i] : random.uniform(0, 256),
);
const gitBlob = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');

let server: FileServer;
let directory: string;
let model: PublishedModel;

beforeEach(async () => {
  server = await serveFile(content);
  directory = mkdtempSync(join(tmpdir(), 'earshot-models-'));
  model = {
    ...publishedModel('yamnet'),
    name: 'm',
    file: 'm.h5.gz',
    url: `${server.url}/published/m.h5.gz`,
    gitBlob,
  };
});
afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

const place = () => join(directory, 'm.h5.gz');
const expectWhole = () => {
  expect(Buffer.compare(readFileSync(place()), content)).toBe(0);
  expect(readdirSync(directory)).toEqual(['m.h5.gz']);
};

describe('the catalogue', () => {
  it('has every kind of OpenL3 under the name that its settings give', () => {
    for (const inputRepr of openl3InputReprs) {
      for (const contentType of ['music', 'env']) {
        const [small, large] = openl3EmbeddingSizes.map((size) =>
          publishedModel(openl3ModelName(inputRepr, contentType, size)),
        );
        expect(small!.url).toBe(
          `https://github.com/marl/openl3/raw/models/openl3_audio_${inputRepr}_${contentType}-v0_4_0.h5.gz`,
        );
        // One network, pooled in two ways.
        expect([large!.url, large!.gitBlob]).toEqual([small!.url, small!.gitBlob]);
      }
    }
    expect(new Set(publishedModels.map((m) => m.gitBlob)).size).toBe(8);
    expect(() => publishedModel('openl3')).toThrow(ParameterError);
    expect(() => publishedModel('openl3')).toThrow(/no published model 'openl3'/);
  });

  it('states as many weights as the networks have', () => {
    const count = (name: string, classes: number, skip: (name: string) => boolean) => {
      const network = networkByName(name).create({ classes });
      return specsOf(network, [1, 1, ...network.picture!])
        .filter((spec) => !skip(spec.name))
        .reduce((n, spec) => n + spec.shape.reduce((a, b) => a * b, 1), 0);
    };
    const head = (name: string) => name.startsWith('fc.');
    expect(publishedModel('openl3-mel256-music-512').weights).toBe(count('openl3', 2, head));
    // Beside the network: the front end's two DFT kernels and its mel matrix.
    expect(publishedModel('edgel3-sea-64').weights).toBe(
      count('edgel3', 2, head) + 2 * 1024 * 513 + 513 * 64,
    );
    // Without the scales that YAMNet's normalisations do not have.
    expect(publishedModel('yamnet').weights).toBe(count('yamnet', 521, (name) => name.endsWith('bn.weight')));
  });
});

describe('pulling', () => {
  it('fetches from the published address, verifies, and the second time does not ask', async () => {
    const events: ProgressEvent[] = [];
    const pulled = await pullPublished(model, { directory, onProgress: (event) => events.push(event) });
    expect(pulled).toEqual({
      ...{ name: 'm', path: place(), bytes: content.length, url: model.url, licence: 'Apache 2.0' },
      sha256: createHash('sha256').update(content).digest('hex'),
      ...{ verified: true, present: false, resumedFrom: 0 },
    });
    expectWhole();
    expect(events[0]).toEqual({ task: 'm.h5.gz', done: 0, total: 1000, unit: 'kB' });
    expect(events.at(-1)).toMatchObject({ done: 1000, total: 1000 });
    expect(await pullPublished(model, { directory })).toMatchObject({ present: true, sha256: pulled.sha256 });
    expect(server.ranges).toHaveLength(1);
  });

  it('fetches from a mirror under the published name', async () => {
    const { url } = await pullPublished(
      { ...model, url: 'http://127.0.0.1:9/none' },
      { directory, mirror: `${server.url}/copies/` },
    );
    expect(url).toBe(`${server.url}/copies/m.h5.gz`);
    expectWhole();
    await expect(pullPublished(model, { directory, mirror: 'file:///tmp' })).rejects.toThrow(ParameterError);
  });

  it('takes a broken connection up where it broke', async () => {
    server.cutAfter = [300_000, 200_000];
    const pulled = await pullPublished(model, { directory });
    expect(pulled.resumedFrom).toBe(0);
    expect(server.ranges[0]).toBeNull();
    expect(server.ranges.slice(1)).toHaveLength(2);
    for (const range of server.ranges.slice(1)) expect(range).toMatch(/^bytes=[1-9]\d*-$/);
    expectWhole();
  });

  it('keeps the part where it goes on breaking, and the next call goes on from there', async () => {
    server.cutAfter = [100_000, 100_000, 100_000, 100_000];
    const broken = pullPublished(model, { directory });
    await expect(broken).rejects.toThrow(DownloadError);
    await expect(broken).rejects.toThrow(/broke off after \d+ bytes/);
    expect(existsSync(place())).toBe(false);
    const kept = statSync(`${place()}.part`).size;
    expect(kept).toBeGreaterThan(100_000);
    const pulled = await pullPublished(model, { directory });
    expect(pulled.resumedFrom).toBe(kept);
    expect(server.ranges.at(-1)).toBe(`bytes=${kept}-`);
    expectWhole();
  });

  it('begins anew where the file has changed, or the server tells nothing to know it by', async () => {
    for (const etag of ['"two"', null]) {
      server.etag = '"one"';
      server.cutAfter = [100_000, 0];
      await expect(pullPublished(model, { directory })).rejects.toThrow(/broke off/);
      server.etag = etag;
      server.cutAfter = [];
      expect((await pullPublished(model, { directory })).resumedFrom).toBe(0);
      expectWhole();
      rmSync(place());
    }
    // Without a validator there is no part to go on from.
    server.etag = null;
    server.cutAfter = [100_000, 0];
    await expect(pullPublished(model, { directory })).rejects.toThrow(/broke off/);
    server.ranges.length = 0;
    await pullPublished(model, { directory });
    expect(server.ranges).toEqual([null]);
  });

  it('finds a damaged beginning by the digest and fetches once more from nothing', async () => {
    writeFileSync(`${place()}.part`, new Uint8Array(5000));
    writeFileSync(`${place()}.part.json`, JSON.stringify({ url: model.url, validator: '"one"' }));
    await pullPublished(model, { directory });
    expect(server.ranges).toEqual(['bytes=5000-', null]);
    expectWhole();
  });

  it('takes a part that is whole, and not one that is longer', async () => {
    writeFileSync(`${place()}.part`, content);
    writeFileSync(`${place()}.part.json`, JSON.stringify({ url: model.url, validator: '"one"' }));
    expect((await pullPublished(model, { directory })).resumedFrom).toBe(content.length);
    expectWhole();
    rmSync(place());
    writeFileSync(`${place()}.part`, new Uint8Array(content.length + 5));
    writeFileSync(`${place()}.part.json`, JSON.stringify({ url: model.url, validator: '"one"' }));
    await pullPublished(model, { directory });
    expectWhole();
  });

  it('replaces a file that is damaged', async () => {
    writeFileSync(place(), content.subarray(0, 1000));
    expect((await pullPublished(model, { directory })).present).toBe(false);
    expectWhole();
  });

  it('stops when told and keeps the part', async () => {
    server.slow = 20;
    const controller = new AbortController();
    const stopped = pullPublished(model, {
      directory,
      signal: controller.signal,
      onProgress: ({ done }) => done > 200 && controller.abort(),
    });
    await expect(stopped).rejects.toThrow(CancelledError);
    await expect(stopped).rejects.toThrow(/was stopped; \d+ bytes of it are kept/);
    const kept = statSync(`${place()}.part`).size;
    expect(kept).toBeGreaterThan(200_000);
    expect(kept).toBeLessThan(content.length);
    server.slow = 0;
    expect((await pullPublished(model, { directory })).resumedFrom).toBe(kept);
    expectWhole();
  });
});

describe('what goes wrong', () => {
  it.each([
    [404, /There is no file at .*m\.h5\.gz \(HTTP 404\)\./],
    [410, /There is no file at/],
    [500, /the server answered 500 Internal Server Error\./],
    [403, /the server answered 403 Forbidden\./],
  ])('HTTP %i', async (status, message) => {
    server.refuse = [status];
    const pulled = pullPublished(model, { directory });
    await expect(pulled).rejects.toThrow(DownloadError);
    await expect(pulled).rejects.toThrow(message);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('no network', async () => {
    const pulled = pullPublished({ ...model, url: 'http://127.0.0.1:9/m.h5.gz' }, { directory });
    await expect(pulled).rejects.toThrow(DownloadError);
    await expect(pulled).rejects.toThrow(/^127\.0\.0\.1:9 cannot be reached: .+\.$/);
  });

  it('another file than was published', async () => {
    server.content = content.slice().fill(7, 500, 600);
    const pulled = pullPublished(model, { directory });
    await expect(pulled).rejects.toThrow(DownloadError);
    await expect(pulled).rejects.toThrow(new RegExp(`not the published file: .* ${gitBlob} was expected`));
    expect(readdirSync(directory)).toEqual([]);
  });

  it('a web page in place of a file of which no digest is known', async () => {
    const unknown = { ...model, gitBlob: null };
    server.content = new TextEncoder().encode('<html>Please log in</html>');
    await expect(pullPublished(unknown, { directory })).rejects.toThrow(
      /it does not begin as a file of its kind does/,
    );
    server.content = content;
    expect(await pullPublished(unknown, { directory })).toMatchObject({ verified: false });
  });

  it('a name that there is not', async () => {
    await expect(pullModel('openl4', { directory })).rejects.toThrow(/There is no published model 'openl4'/);
  });
});

describe('a model of several files', () => {
  it('is fetched whole, the model last, each file checked by how it begins', async () => {
    const files = new Map<string, Uint8Array>([
      ['/m/onnx/audio.onnx', Uint8Array.of(8, 8, 18, 7, 1, 2, 3, 4, 5, 6)],
      ['/m/onnx/text.onnx', Uint8Array.of(8, 9, 18, 7, 1, 2, 3, 4, 5, 6)],
      ['/m/tokenizer.json', Buffer.from('{"model": {}}')],
      ['/m/w.safetensors', Buffer.from('\x02\0\0\0\0\0\0\0{}', 'latin1')],
    ]);
    const asked: string[] = [];
    const many = createServer((request, response) => {
      asked.push(request.url!);
      response.end(files.get(request.url!) ?? '<html>no such page</html>');
    });
    await new Promise<void>((resolve) => many.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(many.address() as AddressInfo).port}`;
    const part = (file: string) => ({ file: `m/${file}`, url: `${url}/m/${file}` });
    const several: PublishedModel = {
      ...publishedModel('clap-htsat-unfused'),
      // No list of digests is asked for.
      repository: undefined,
      ...part('onnx/audio.onnx'),
      companions: [part('onnx/text.onnx'), part('tokenizer.json'), part('w.safetensors')],
    };
    try {
      const pulled = await pullPublished(several, { directory });
      expect(pulled).toMatchObject({
        path: join(directory, 'm/onnx/audio.onnx'),
        present: false,
        verified: false,
      });
      expect(pulled.bytes).toBe([...files.values()].reduce((sum, { length }) => sum + length, 0));
      expect(asked.at(-1)).toBe('/m/onnx/audio.onnx');
      for (const [path, bytes] of files)
        expect(Buffer.compare(readFileSync(join(directory, path)), bytes), path).toBe(0);
      asked.length = 0;
      expect(await pullPublished(several, { directory })).toMatchObject({ present: true });
      expect(asked).toEqual([]);
      // From a mirror, with the folder in the address.
      rmSync(join(directory, 'm'), { recursive: true });
      await pullPublished(several, { directory, mirror: url });
      expect(asked).toContain('/m/onnx/text.onnx');
      // A page in the place of a file is none; the model itself is then not fetched.
      rmSync(join(directory, 'm'), { recursive: true });
      const missing = { ...several, companions: [part('none.json')] };
      await expect(pullPublished(missing, { directory })).rejects.toThrow(
        /does not begin as a file of its kind/,
      );
      expect(existsSync(join(directory, 'm/onnx/audio.onnx'))).toBe(false);
    } finally {
      many.closeAllConnections();
      await new Promise((resolve) => many.close(resolve));
    }
  });

  it('states as many weights as the files of CLAP hold', () => {
    const files = publishedModels.filter(({ network }) => network === 'clap');
    // Those to train (test/networks/clap.test.ts).
    const numbers = 153_492_890;
    expect(files.map(({ name, url, companions }) => [name, url.split('/')[3], companions!.length])).toEqual([
      ['clap-htsat-unfused', 'Xenova', 4],
      ['clap-htsat-unfused-safetensors', 'laion', 3],
    ]);
    // Two means and variances of 64 bands; the exports leave out two factors.
    expect(files.map(({ weights }) => weights - 2 * 64)).toEqual([numbers - 2, numbers]);
  });
});
