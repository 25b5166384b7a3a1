import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileServer, serveFile } from '../models/fileServer.ts';
import { earshot, workFolder } from './earshot.ts';

/** HDF5's signature and something after it: no digest of YAMNet's file is known, so this passes for it. */
const content = Uint8Array.from({ length: 600_000 }, (_, i) => [0x89, 0x48, 0x44, 0x46][i] ?? i % 251);
const file = 'yamnet.h5';

let server: FileServer;
let cwd: string;
let models: string;
beforeEach(async () => {
  server = await serveFile(content);
  cwd = workFolder();
  models = join(cwd, 'models');
});
afterEach(() => server.close());

const run = (words: string[], options: Parameters<typeof earshot>[1] = {}) =>
  earshot(['models', ...words], { cwd, env: { EARSHOT_MODELS: models }, ...options });

describe('earshot models', () => {
  it('list names licence and size, and fetches nothing', async () => {
    const { code, stdout, stderr } = await run(['list']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/openl3-mel256-music-512 .* CC BY 4\.0 .* 18\.8 MB/);
    expect(stdout).toMatch(/edgel3-sea-64 .* MIT .* 5\.9 MB/);
    const { models: listed } = JSON.parse((await run(['list', '--json'])).stdout) as {
      models: { name: string; path: string | null }[];
    };
    expect(listed).toHaveLength(23);
    expect(listed.every(({ path }) => path === null)).toBe(true);
    expect(existsSync(models)).toBe(false);
  });

  it('pull fetches, path finds, list shows', async () => {
    const before = await run(['path', 'yamnet']);
    expect(before.code).toBe(1);
    expect(before.stderr).toContain('Hint: Fetch them with: earshot models pull yamnet');
    const { code, stdout, stderr } = await run(['pull', 'yamnet', '--mirror', server.url]);
    expect(code).toBe(0);
    expect(stdout).toContain(`yamnet: ${join(models, file)}\n`);
    expect(stdout).toContain('Size:    0.6 MB (600000 bytes)\nLicence: Apache 2.0\n');
    expect(stdout).toContain(createHash('sha256').update(content).digest('hex'));
    expect(stderr).toContain('yamnet.h5: 600/600 kB');
    expect(Buffer.compare(readFileSync(join(models, file)), content)).toBe(0);
    expect((await run(['path', 'yamnet'])).stdout).toBe(`${join(models, file)}\n`);
    expect(JSON.parse((await run(['path', 'yamnet', '--json'])).stdout)).toEqual({
      name: 'yamnet',
      path: join(models, file),
    });
    expect((await run(['list'])).stdout).toMatch(/yamnet +│ yamnet .* 0\.6 MB/);
    const again = JSON.parse((await run(['pull', 'yamnet', '--mirror', server.url, '--json'])).stdout);
    expect(again).toMatchObject({ present: true, bytes: content.length, licence: 'Apache 2.0' });
    expect(server.ranges).toHaveLength(1);
  });

  it('Ctrl-C keeps the part, and the same command goes on from it', async () => {
    server.slow = 100;
    const part = join(models, `${file}.part`);
    let sent = false;
    const { code, stderr } = await run(['pull', 'yamnet', '--mirror', server.url], {
      onChange: (kill) => {
        if (sent || !existsSync(part) || statSync(part).size < 100_000) return;
        sent = true;
        kill('SIGINT');
      },
    });
    expect(code).toBe(130);
    expect(stderr).toMatch(/Stopped: The download of .* was stopped; \d+ bytes of it are kept\./);
    const kept = statSync(part).size;
    server.slow = 0;
    const { stdout } = await run(['pull', 'yamnet', '--mirror', server.url]);
    expect(server.ranges.at(-1)).toBe(`bytes=${kept}-`);
    expect(stdout).toContain('of it from before');
    expect(readdirSync(models)).toEqual([file]);
  });

  it('what is not the published file is refused and removed', async () => {
    const name = 'openl3-mel256-music-512';
    const { code, stdout, stderr } = await run(['pull', name, '--mirror', server.url, '--json']);
    expect(code).toBe(1);
    expect(stderr).toContain('15e483646fa3d4091a463f0affbb706e6bbbb098 was expected');
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'DOWNLOAD' });
    expect(readdirSync(models)).toEqual([]);
  });

  it('wrong usage ends with 2, what cannot be fetched with 1', async () => {
    const unknown = await run(['pull', 'openl3']);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain("There is no published model 'openl3'");
    expect((await run(['pull', 'yamnet', '--mirror', 'nowhere'])).code).toBe(2);
    server.refuse = [404];
    const missing = await run(['pull', 'yamnet', '--mirror', server.url]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('(HTTP 404)');
    const unreachable = await run(['pull', 'yamnet', '--mirror', 'http://127.0.0.1:9']);
    expect(unreachable.code).toBe(1);
    expect(unreachable.stderr).toContain('127.0.0.1:9 cannot be reached');
  });
});

const real = fileURLToPath(
  new URL('../../../shared/models/edgel3-sea-64/edgel3_sea_ust_audio_emb_64.h5.gz', import.meta.url),
);
describe.skipIf(!existsSync(real))(
  `a published file${existsSync(real) ? '' : ` (skipped: ${real} is not there)`}`,
  () => {
    it('is recognised by its Git blob id', async () => {
      server.content = readFileSync(real);
      const { code, stdout } = await run(['pull', 'edgel3-sea-64', '--mirror', server.url]);
      expect(code).toBe(0);
      expect(stdout).toContain('It is the published file, by its Git blob id.');
    });
  },
);
