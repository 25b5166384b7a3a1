/** @file A local HTTP server of one file, with ranges, that can be made to misbehave. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FileServer {
  /** Address of the folder; the file may be asked for under any name. */
  readonly url: string;
  /** Headers `range` of the requests so far; null for a request without. */
  readonly ranges: (string | null)[];
  /** What is served; may be changed. */
  content: Uint8Array;
  etag: string | null;
  /** Statuses of the next answers, instead of the file. */
  refuse: number[];
  /** Bytes after which the next connections are cut, one entry each. */
  cutAfter: number[];
  /** Milliseconds between pieces of 64 kB. */
  slow: number;
  close(): Promise<void>;
}

export async function serveFile(content: Uint8Array): Promise<FileServer> {
  const server = createServer((request, response) => void answer(served, request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const served: FileServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ranges: [],
    content,
    etag: '"one"',
    refuse: [],
    cutAfter: [],
    slow: 0,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return served;
}

async function answer(served: FileServer, request: IncomingMessage, response: ServerResponse) {
  served.ranges.push(request.headers.range ?? null);
  const status = served.refuse.shift();
  if (status !== undefined) {
    response.writeHead(status).end('no');
    return;
  }
  const { content, etag } = served;
  const from = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  const condition = request.headers['if-range'];
  const partial = from !== undefined && (condition === undefined || condition === etag);
  const start = partial ? Number(from) : 0;
  if (partial && start >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  response.writeHead(partial ? 206 : 200, {
    'content-length': content.length - start,
    ...(etag === null ? {} : { etag }),
    ...(partial ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
  });
  const cut = served.cutAfter.shift() ?? Number.POSITIVE_INFINITY;
  for (let at = start; at < content.length && !response.destroyed; ) {
    const end = Math.min(at + 65_536, content.length, start + cut);
    await new Promise<void>((resolve) => response.write(content.subarray(at, end), () => resolve()));
    at = end;
    if (at - start >= cut) {
      response.destroy();
      return;
    }
    if (served.slow > 0) await new Promise((resolve) => setTimeout(resolve, served.slow));
  }
  response.end();
}
