/** @file The system's ffmpeg as a decoder of last resort, for formats Earshot does not decode itself. Node only. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { DecodeError } from '../core/errors.ts';
import type { ByteSource } from './byteSource.ts';
import { openWav } from './decodeWav.ts';
import type { ForeignFormatError } from './detectFormat.ts';
import { streamOf } from './openAudio.ts';
import type { SoundStream, TimeRange } from './soundStream.ts';

/** A child process that has written nothing for so long while it was waited for is taken for hung and killed. */
const SILENCE_LIMIT_MS = 60_000;
/** Bytes that can be read again. */
const KEPT = 2 ** 18;
/** A header and not one sample. */
const EMPTY_OUTPUT = 128;

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** What a child process writes, as bytes to be read in order, but for the last {@link KEPT}. */
function outputOf(child: Child): ByteSource {
  const chunks = child.stdout[Symbol.asyncIterator]();
  let buffer = new Uint8Array(0);
  let start = 0;
  let ended = false;
  const more = async () => {
    const timer = setTimeout(() => child.kill('SIGKILL'), SILENCE_LIMIT_MS);
    const { value, done } = await chunks.next().finally(() => clearTimeout(timer));
    if (done) {
      ended = true;
      return;
    }
    const chunk = value as Buffer;
    const kept = buffer.subarray(Math.max(0, buffer.length - KEPT));
    start += buffer.length - kept.length;
    buffer = new Uint8Array(kept.length + chunk.length);
    buffer.set(kept);
    buffer.set(chunk, kept.length);
  };
  return {
    size: Number.POSITIVE_INFINITY,
    async read(offset, length) {
      const parts: Uint8Array[] = [];
      let at = offset;
      while (at < offset + length) {
        if (at < start + buffer.length) {
          const part = buffer.subarray(at - start, offset + length - start);
          parts.push(part);
          at += part.length;
        } else if (ended) {
          break;
        } else {
          await more();
        }
      }
      return parts.length === 1 ? parts[0] : new Uint8Array(Buffer.concat(parts));
    },
  };
}

/**
 * Decodes the file at `path` with `ffmpeg` from the PATH, while it is read: first audio stream, float32, rate and
 * channels as they are. The demuxer found by content is forced and only the file itself may be read, so a crafted
 * file cannot make ffmpeg open others.
 * @throws DecodeError if there is no ffmpeg (saying so), or if it cannot read the file either.
 */
export async function openWithFfmpeg(
  path: string,
  cause: ForeignFormatError,
  range: TimeRange,
): Promise<SoundStream> {
  const parameters = ['-nostdin', '-v', 'error', '-protocol_whitelist', 'file,pipe', '-f', cause.demuxer];
  parameters.push('-i', `file:${path}`, '-map', '0:a:0', '-c:a', 'pcm_f32le', '-f', 'wav', 'pipe:1');
  const child = spawn('ffmpeg', parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (complaints.length < 4000) complaints += chunk.toString();
  });
  await once(child, 'spawn').catch((error: unknown) => {
    throw new DecodeError(
      `${cause.message.replace(/\.$/, '')}, and there is no ffmpeg on the PATH to do it.`,
      {
        hint: 'Install ffmpeg (for instance: apt install ffmpeg), or convert the file to WAV elsewhere.',
        cause: error,
      },
    );
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const close = async () => {
    child.kill('SIGKILL');
    await closed;
  };
  try {
    const output = outputOf(child);
    if ((await output.read(0, EMPTY_OUTPUT + 1)).length <= EMPTY_OUTPUT) {
      await closed;
      const [first] = complaints.trim().split('\n');
      throw new DecodeError(
        `${cause.message.replace(/\.$/, '')}, and ffmpeg found no sound in it${first ? ` ("${first}")` : ''}.`,
        { hint: 'The file is damaged or holds no audio stream; get it again or remove it.' },
      );
    }
    const wav = await openWav(output, path);
    async function* blocks(from: number) {
      try {
        yield* wav.blocks(from);
        const exitCode = await closed;
        const [first] = complaints.trim().split('\n');
        if (exitCode !== 0 || first) {
          wav.warnings.push(
            `ffmpeg reported problems, and the sound may be incomplete: ${first || 'it was stopped'}`,
          );
        }
      } finally {
        child.kill('SIGKILL');
      }
    }
    return streamOf({ ...wav, blocks }, path, range, () => 0, close);
  } catch (error) {
    await close();
    throw error;
  }
}
