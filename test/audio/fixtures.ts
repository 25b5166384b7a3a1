/** @file The committed sound files, the samples they must decode to, and ways to damage them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import manifest from '../fixtures/audio/manifest.json' with { type: 'json' };

export const fixtureFolder = fileURLToPath(new URL('../fixtures/audio/', import.meta.url));

export const fixtures = manifest.files.filter(({ format }) => format !== 'foreign');
export const foreignFixtures = manifest.files.filter(({ format }) => format === 'foreign');

export function fixturePath(file: string): string {
  return fixtureFolder + file;
}

export function fixtureBytes(file: string): Uint8Array {
  return new Uint8Array(readFileSync(fixturePath(file)));
}

/** Interleaved float32 samples as one array per channel. */
export function deinterleave(bytes: Uint8Array, channels: number): Float32Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames = bytes.byteLength / 4 / channels;
  return Array.from({ length: channels }, (_, c) =>
    Float32Array.from({ length: frames }, (_, n) => view.getFloat32(4 * (n * channels + c), true)),
  );
}

export function expectedSamples(file: string, channels: number): Float32Array[] {
  return deinterleave(fixtureBytes(`${file}.f32`), channels);
}

export function largestDifference(a: Float32Array[], b: Float32Array[]): number {
  let largest = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let c = 0; c < a.length; c++) {
    if (a[c].length !== b[c]?.length) return Number.POSITIVE_INFINITY;
    for (let n = 0; n < a[c].length; n++) largest = Math.max(largest, Math.abs(a[c][n] - b[c][n]));
  }
  return largest;
}

export const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
if (!hasFfmpeg) console.warn('No ffmpeg on the PATH: the comparisons with its decoders are skipped.');

/** What ffmpeg decodes a file to. */
export function ffmpegSamples(path: string, channels: number): Float32Array[] {
  const parameters = ['-v', 'error', '-i', path, '-f', 'f32le', '-c:a', 'pcm_f32le', '-'];
  return deinterleave(execFileSync('ffmpeg', parameters, { maxBuffer: 2 ** 28 }), channels);
}

/** Offset of a chunk's four letters. */
export function chunkOffset(bytes: Uint8Array, id: string): number {
  return Buffer.from(bytes).indexOf(id, 12, 'latin1');
}

export function withUint32(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  const changed = bytes.slice();
  new DataView(changed.buffer).setUint32(offset, value, true);
  return changed;
}

export function withUint16(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  const changed = bytes.slice();
  new DataView(changed.buffer).setUint16(offset, value, true);
  return changed;
}
