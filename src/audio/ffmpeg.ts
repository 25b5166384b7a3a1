/** @file The system's ffmpeg as a decoder of last resort, for formats Earshot does not decode itself. Node only. */
import { spawn } from 'node:child_process';
import { DecodeError } from '../core/errors.ts';
import type { AudioData } from './audioData.ts';
import { decodeAudio } from './decodeAudio.ts';
import type { ForeignFormatError } from './detectFormat.ts';

/** A child process that has written nothing for so long is taken for hung and killed. */
const SILENCE_LIMIT_MS = 60_000;

interface FfmpegResult {
  output: Uint8Array;
  complaints: string;
  /** null if the process was killed. */
  exitCode: number | null;
  tooLong: boolean;
}

function runFfmpeg(parameters: string[], maxBytes: number): Promise<FfmpegResult> {
  return new Promise((resolve, reject) => {
    const child = spawn('ffmpeg', parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    let length = 0;
    let complaints = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), SILENCE_LIMIT_MS);
    child.stdout.on('data', (chunk: Buffer) => {
      timer.refresh();
      length += chunk.length;
      if (length > maxBytes) child.kill('SIGKILL');
      else chunks.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (complaints.length < 4000) complaints += chunk.toString();
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (exitCode) => {
      clearTimeout(timer);
      const output = Buffer.concat(chunks);
      resolve({
        output: new Uint8Array(output.buffer, output.byteOffset, output.byteLength),
        complaints: complaints.trim(),
        exitCode,
        tooLong: length > maxBytes,
      });
    });
  });
}

/**
 * Decodes the file at `path` with `ffmpeg` from the PATH: first audio stream, float32, rate and channels as they
 * are. The demuxer found by content is forced and only the file itself may be read, so a crafted file cannot
 * make ffmpeg open others.
 * @throws DecodeError if there is no ffmpeg (saying so), or if it cannot read the file either.
 */
export async function decodeWithFfmpeg(
  path: string,
  cause: ForeignFormatError,
  maxSamples: number,
): Promise<AudioData> {
  const parameters = ['-nostdin', '-v', 'error', '-protocol_whitelist', 'file,pipe', '-f', cause.demuxer];
  parameters.push('-i', `file:${path}`, '-map', '0:a:0', '-c:a', 'pcm_f32le', '-f', 'wav', 'pipe:1');
  let result: FfmpegResult;
  try {
    result = await runFfmpeg(parameters, maxSamples * 4 + 1024);
  } catch (error) {
    throw new DecodeError(
      `${cause.message.replace(/\.$/, '')}, and there is no ffmpeg on the PATH to do it.`,
      {
        hint: 'Install ffmpeg (for instance: apt install ffmpeg), or convert the file to WAV elsewhere.',
        cause: error,
      },
    );
  }
  const { output, complaints, exitCode, tooLong } = result;
  if (tooLong) {
    throw new DecodeError(`${path} decodes to more than the limit of ${maxSamples} samples.`, {
      hint: 'Cut the recording into parts, or raise the limit with the maxSamples option.',
    });
  }
  const firstComplaint = complaints.split('\n')[0];
  if (output.length <= 128) {
    throw new DecodeError(
      `${cause.message.replace(/\.$/, '')}, and ffmpeg found no sound in it${firstComplaint ? ` ("${firstComplaint}")` : ''}.`,
      { hint: 'The file is damaged or holds no audio stream; get it again or remove it.' },
    );
  }
  const audio = await decodeAudio(output, { name: path, maxSamples });
  // A pipe cannot be rewound, so the length in ffmpeg's header is never filled in: not a fault of the file.
  const warnings = audio.warnings.filter((warning) => !/data chunk/.test(warning));
  if (exitCode !== 0 || complaints !== '') {
    warnings.push(
      `ffmpeg reported problems, and the sound may be incomplete: ${firstComplaint || 'it was stopped'}`,
    );
  }
  return { ...audio, warnings };
}
