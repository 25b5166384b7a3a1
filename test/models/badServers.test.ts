/** @file Downloads from servers that lie, change their mind or never end, and two downloads of one file. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CancelledError, DownloadError, Random } from '../../src/core/index.ts';
import { takeTurn } from '../../src/files/index.ts';
import { publishedModel } from '../../src/models/catalogue.ts';
import { download } from '../../src/models/download.ts';
import { pullPublished } from '../../src/models/pullModel.ts';

const random = new Random(8);
const content = Uint8Array.from({ length: 100_000 }, (_, i) =>
  i < 2 ? [0x1f, 0x8b][i] : random.integer(256),
);

let server: Server;
let url: string;
let folder: string;
let path: string;
let asked: (string | undefined)[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.headers.range);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/m.h5.gz`;
  folder = mkdtempSync(join(tmpdir(), 'earshot-download-'));
  path = join(folder, 'm.h5.gz');
});
afterEach(async () => {
  vi.unstubAllGlobals();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const whole = (_: IncomingMessage, response: ServerResponse) =>
  response.writeHead(200, { 'content-length': content.length, etag: '"one"' }).end(content);
/** A part of the first 5000 bytes, from a download before. */
const partOf = (total: number | null = content.length) => {
  writeFileSync(`${path}.part`, content.subarray(0, 5000));
  writeFileSync(`${path}.part.json`, JSON.stringify({ url, validator: '"one"', total }));
};
const expectContent = (part: string) => expect(Buffer.compare(readFileSync(part), content)).toBe(0);

describe('a server that', () => {
  it('never ends is left at the limit, and nothing stays behind', async () => {
    answer = (_, response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    await expect(download(url, path, { maxBytes: 1_000_000 })).rejects.toThrow(
      /sends more than the 1000000 bytes that the file may have/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it('tells of more than the file may have is left before anything is written', async () => {
    answer = whole;
    await expect(download(url, path, { maxBytes: 99_999 })).rejects.toThrow(/sends 100000 bytes, more than/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('packs what it was asked to send as it is is refused', async () => {
    answer = (_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(new Uint8Array(1 << 20)));
    await expect(download(url, path)).rejects.toThrow(/sends its content packed \(gzip\)/);
  });

  it.each([
    ['goes on from another place', { 'content-range': `bytes 4000-99999/${content.length}`, etag: '"one"' }],
    ['goes on with another file', { 'content-range': `bytes 5000-99999/${content.length}`, etag: '"two"' }],
    ['goes on with a file of another length', { 'content-range': `bytes 5000-99998/99999`, etag: '"one"' }],
    ['stops before the end', { 'content-range': `bytes 5000-6000/${content.length}`, etag: '"one"' }],
    ['says nothing of the place', { etag: '"one"' }],
  ])('%s is asked for the whole', async (_, headers) => {
    partOf();
    answer = (request, response) => {
      if (request.headers.range === undefined) whole(request, response);
      else response.writeHead(206, headers).end(new Uint8Array(95_000));
    };
    const { part, bytes } = await download(url, path);
    expect(bytes).toBe(content.length);
    expectContent(part);
    expect(asked).toEqual(['bytes=5000-', undefined]);
  });

  it('has nothing left, whatever it is asked, is not asked for ever', async () => {
    partOf(null);
    answer = (_, response) => response.writeHead(416).end();
    await expect(download(url, path)).rejects.toThrow(/answered 416/);
    expect(asked).toEqual(['bytes=5000-', undefined]);
  });

  it('leads on is followed, but not in a circle', async () => {
    answer = (request, response) => {
      if (request.url === '/other') whole(request, response);
      else response.writeHead(302, { location: request.url === '/circle' ? '/circle' : '/other' }).end();
    };
    expectContent((await download(url, path)).part);
    await expect(download(url.replace('m.h5.gz', 'circle'), path)).rejects.toThrow(/leads to no file/);
  });

  it('leads from https to http, or to a file, is not followed', async () => {
    for (const location of ['http://example.org/m', 'file:///etc/passwd']) {
      const fetched = vi.fn(async () => new Response(null, { status: 302, headers: { location } }));
      vi.stubGlobal('fetch', fetched);
      await expect(download('https://example.org/m', path)).rejects.toThrow(DownloadError);
      expect(fetched).toHaveBeenCalledTimes(1);
    }
  });
});

it('a part that is longer than the file is none of its beginnings', async () => {
  partOf(4000);
  answer = whole;
  expectContent((await download(url, path)).part);
  expect(asked).toEqual([undefined]);
});

describe('two pulls of one file', () => {
  const model = () => ({ ...publishedModel('yamnet'), name: 'm', file: 'm.h5.gz', url });

  it('at once fetch it once', async () => {
    answer = (request, response) => setTimeout(() => whole(request, response), 50);
    const pulled = await Promise.all([1, 2, 3].map(() => pullPublished(model(), { directory: folder })));
    expect(asked).toHaveLength(1);
    expect(pulled.map(({ present }) => present).sort()).toEqual([false, true, true]);
    expectContent(path);
    expect(readdirSync(folder)).toEqual(['m.h5.gz']);
  });

  it('of which one was killed: its claim and its leavings are cleared away', async () => {
    answer = whole;
    // No process has this number.
    writeFileSync(`${path}.lock`, '4194999 0011223344556677');
    writeFileSync(`${path}.part.json.4194999.01234567.tmp`, '{');
    await pullPublished(model(), { directory: folder });
    expectContent(path);
    expect(readdirSync(folder)).toEqual(['m.h5.gz']);
  });

  it('of which one waits: it may be stopped, and leaves the other its claim', async () => {
    answer = whole;
    const release = await takeTurn(path);
    const controller = new AbortController();
    const waiting = pullPublished(model(), { directory: folder, signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toThrow(CancelledError);
    expect(existsSync(`${path}.lock`)).toBe(true);
    await release();
    expect(readdirSync(folder)).toEqual([]);
  });
});
