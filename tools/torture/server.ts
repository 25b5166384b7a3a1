/** @file A server of one weights file that behaves as badly as servers do, by a seed. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Random } from '../../src/core/random.ts';

export interface HostileServer {
  readonly address: string;
  /** Whether it misbehaves; it starts well-behaved. */
  hostile: boolean;
  close(): Promise<void>;
}

const signature = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/** A file that begins as HDF5 does and goes on with noise: `models pull` knows no digest of YAMNet's. */
function weights(seed: number): Uint8Array {
  const random = new Random(seed);
  const bytes = Uint8Array.from({ length: 1 << 20 }, () => random.integer(256));
  bytes.set(signature);
  return bytes;
}

/**
 * Serves the file at every path. When hostile it breaks connections, ignores ranges or answers another one, and is slow;
 * every request is one of those at random. What it sends under a stated range is never another file's bytes: the content
 * is the same throughout, so a finished download must equal it.
 */
export async function startServer(seed: number): Promise<HostileServer> {
  const content = weights(seed);
  const etag = '"torture-1"';
  const random = new Random(seed + 1);
  const server = createServer((request, response) => {
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    let from = range === null ? 0 : Number(range[1]);
    const mood = state.hostile ? random.integer(6) : 0;
    if (mood === 1) return void request.socket.destroy();
    if (mood === 2) return void response.writeHead(503, { 'retry-after': '0' }).end();
    // A range that is ignored: the whole file with status 200.
    if (mood === 3) from = 0;
    // Another range than the one asked for, honestly stated.
    if (mood === 4 && from > 10) from -= 10;
    if (from >= content.length)
      return void response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    const partial = range !== null && mood !== 3;
    response.writeHead(partial ? 206 : 200, {
      etag,
      'accept-ranges': 'bytes',
      'content-length': content.length - from,
      ...(partial ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
    });
    const end = mood === 5 ? from + random.integer(content.length - from) : content.length;
    send(response, content, from, end, () =>
      end < content.length ? request.socket.destroy() : response.end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const state: HostileServer = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hostile: false,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return state;
}

/** Sends a stretch in pieces with pauses, so that a download can be caught in the middle. */
function send(
  response: ServerResponse,
  content: Uint8Array,
  from: number,
  to: number,
  done: () => void,
): void {
  if (response.destroyed) return;
  if (from >= to) {
    done();
    return;
  }
  const next = Math.min(to, from + 65536);
  response.write(content.subarray(from, next));
  setTimeout(() => send(response, content, next, to, done), 15);
}
