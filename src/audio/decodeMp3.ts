/** @file MP3 through mpg123: which samples are cut (encoder delay and padding), and where decoding may begin. */
import type { ByteSource } from './byteSource.ts';
import { callCodec, freeCodec } from './codecCalls.ts';
import { notAudioError } from './detectFormat.ts';
import { createMp3Codec } from './mp3Codec.ts';
import { findMp3, framesLength, type Mp3Start, Mp3Walk, silenced } from './mp3Frames.ts';
import { type OpenedSound, withoutFirst } from './openedSound.ts';

/** Samples that every MP3 decoder adds to the encoder's delay. */
const DECODER_DELAY = 529;
/** Frames decoded before the first one wanted: overlap and synthesis reach back over two. */
const PRE_ROLL = 8;
/** Frames given before those for the bytes that later ones borrow from them: 511 at most, of a few in each frame. */
const WARM_UP = 96;
/** mpg123's synthesis goes through its buffer of 16 places in 8 frames at most; its sums are in that order. */
const PHASES = 8;

/**
 * Opens MPEG audio, with or without tags before it.
 * @throws DecodeError if most of `source` is no MPEG audio.
 */
export async function openMp3(source: ByteSource, name: string, start?: Mp3Start): Promise<OpenedSound> {
  const found = start ?? (await findMp3(source, false));
  if (found === null) throw notAudioError(name, await source.read(0, 4096));
  const { first, tag } = found;
  const warnings: string[] = [];
  const stated = tag?.count ?? null;
  const cut = cutOf(found);
  return {
    probe: {
      format: 'mp3',
      encoding: first.layer === 3 ? 'mp3' : `mpeg-layer-${first.layer}`,
      sampleRate: first.sampleRate,
      channels: first.channels,
      bitsPerSample: null,
      frames: stated === null ? null : stated * first.samples - cut.samples,
    },
    warnings,
    blocks: (from) => mp3Blocks(source, name, found, warnings, from),
    async countFrames() {
      const walk = new Mp3Walk(source, found.offset, first);
      for await (const _ of walk.runs());
      return Math.max(0, walk.count * first.samples - cut.samples);
    },
  };
}

/**
 * What of the decoder's output is no sound: what comes before `begin`, and from `end` to `resume`, which is where the
 * frames end that the tag counts. (More may follow in files that were put together.)
 */
function cutOf({ first, tag }: Mp3Start) {
  if (tag === null || tag.delay === null || !tag.count) return { begin: 0, end: 0, resume: 0, samples: 0 };
  const resume = tag.count * first.samples;
  const begin = Math.min(resume, tag.delay + DECODER_DELAY);
  const end = Math.max(begin, Math.min(resume, resume - tag.padding + DECODER_DELAY));
  return { begin, end, resume, samples: begin + resume - end };
}

async function* mp3Blocks(
  source: ByteSource,
  name: string,
  start: Mp3Start,
  warnings: string[],
  from: number,
): AsyncGenerator<Float32Array[], void, void> {
  const { begin, end, resume } = cutOf(start);
  const target = from + begin < end ? from + begin : from + begin + resume - end;
  let position = target;
  for await (const block of decodedFrom(source, name, start, warnings, target)) {
    const length = block[0].length;
    const head = Math.min(length, Math.max(0, end - position));
    const tail = Math.min(length, Math.max(0, resume - position));
    if (head > 0) yield block.map((samples) => samples.subarray(0, head));
    if (tail < length) yield block.map((samples) => samples.subarray(tail));
    position += length;
  }
}

/** What the decoder makes of the frames, from its sample `target` on. */
async function* decodedFrom(
  source: ByteSource,
  name: string,
  start: Mp3Start,
  warnings: string[],
  target: number,
): AsyncGenerator<Float32Array[], void, void> {
  const { first } = start;
  const aimed = Math.floor(target / first.samples) - PRE_ROLL - WARM_UP;
  const frame = Math.max(0, aimed - (aimed % PHASES));
  let offset = start.offset;
  if (frame > 0) {
    const walk = new Mp3Walk(source, start.offset, first);
    for await (const run of walk.runs()) {
      if (run.index + run.frames <= frame) continue;
      offset = run.end - run.bytes.length + framesLength(run.bytes, frame - run.index);
      break;
    }
    // Not so many frames: the recording ends before.
    if (offset === start.offset) return;
    // Behind damage the decoder's output is not where the number of a frame says.
    if (walk.skipped > 0) offset = start.offset;
  }
  const skipped = offset === start.offset ? 0 : frame;
  const decoded = decodeFrames(source, name, { ...start, offset }, skipped, warnings);
  yield* withoutFirst(decoded, target - skipped * first.samples);
}

/**
 * Decodes the frames from `start.offset` on, which `skipped` others precede. Of the first ones then only the bytes
 * count that later frames borrow: whether they can be decoded themselves, without those before them, would decide how
 * far mpg123's synthesis gets, and so the last bit of all that follows.
 */
async function* decodeFrames(
  source: ByteSource,
  name: string,
  { offset, first, tag }: Mp3Start,
  skipped: number,
  warnings: string[],
): AsyncGenerator<Float32Array[], void, void> {
  const walk = new Mp3Walk(source, offset, first);
  const codec = await createMp3Codec();
  const complaints: string[] = [];
  try {
    for await (const { bytes: read, index } of walk.runs()) {
      const bytes = skipped > 0 && index < WARM_UP ? silenced(read, WARM_UP - index) : read;
      const decoded = callCodec(name, 'MP3', () => codec.decode(bytes, complaints));
      if (decoded[0].length > 0) yield first.channels === 1 ? decoded.slice(0, 1) : decoded;
    }
  } finally {
    freeCodec(codec);
  }
  if (complaints.length > 0) warnings.push(`mpg123 complained ${complaints.length} times: ${complaints[0]}`);
  if (walk.skipped > 0) warnings.push(`${walk.skipped} bytes between MP3 frames were damaged and left out.`);
  const count = skipped + walk.count;
  if (tag?.count != null && count < tag.count) {
    warnings.push(`The file is truncated: its header claims ${tag.count} MP3 frames and ${count} are there.`);
  } else if (walk.truncated) {
    warnings.push('The file is truncated: it ends within an MP3 frame, which was left out.');
  }
}
