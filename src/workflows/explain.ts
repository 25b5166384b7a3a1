/** @file `earshot explain`: what in a recording speaks for a class, as a picture and as sound. */
import { basename, join, resolve } from 'node:path';
import {
  type AudioData,
  encodeWav,
  openSound,
  requireUsableSound,
  resample,
  SoundMeter,
  soundLength,
  soundRemarks,
  toMono,
} from '../audio/index.ts';
import { joined, ParameterError } from '../core/index.ts';
import { type RecordingSaliency, saliencyOfBins } from '../explanation/index.ts';
import { fftFrequencies, type LogMelSpec, logMel, logMelAxes, maskedStft } from '../features/index.ts';
import { writeFileAtomic, writeJson } from '../files/index.ts';
import { type Picture, saliencyPicture } from '../pictures/index.ts';
import { type Deletion, type ExplainedClass, Explainer, type ExplainerOptions } from './explainer.ts';
import type { WorkflowHooks } from './hooks.ts';
import { pictureSpec } from './spectrogram.ts';

export interface ExplainOptions extends WorkflowHooks, ExplainerOptions {
  /** Path of an artefact. */
  readonly model: string;
  /** Sound file. */
  readonly file: string;
  /** The class to explain; default the likeliest. */
  readonly label?: string;
  /** The part to explain, in seconds; default all, where that is no longer than {@link longestExplained}. */
  readonly fromSeconds?: number;
  readonly toSeconds?: number;
  /** Directory for the picture, the sounds and explanation.json. */
  readonly out: string;
}

export interface ExplainOutcome extends Omit<ExplainedClass, 'saliency' | 'probabilities'> {
  readonly file: string;
  readonly model: string;
  /** Where what was explained begins, and how long it is. */
  readonly startSeconds: number;
  readonly seconds: number;
  readonly probabilities: Readonly<Record<string, number>>;
  /** What is left of the class without the most salient fifth of the picture, beside a random fifth. */
  readonly deletion: Deletion;
  /** Paths of what was written. */
  readonly picture: string;
  /** What speaks for the class, and the rest: together they are the recording. */
  readonly salient: string;
  readonly rest: string;
  readonly json: string;
  readonly warnings: readonly string[];
}

/** Seconds at most that are explained at once: more could not be told apart in a picture, and its sounds are held whole. */
export const longestExplained = 600;

/** The share of a picture that is deleted to see whether the explanation is true. */
const deletedShare = 0.2;

/**
 * Explains one class of one recording. Writes `saliency.png`, `salient.wav`, `rest.wav` and `explanation.json`.
 * @throws {GraphError} where the model cannot be read, or holds no network that sees a picture
 * @throws {DecodeError} where the file holds no sound
 * @throws {ParameterError} for a part outside the recording or longer than {@link longestExplained}, a class or a tensor that the model does not have, or a method that its network does not
 *   allow
 */
export async function explain(options: ExplainOptions): Promise<ExplainOutcome> {
  const { model, file, label } = options;
  const directory = resolve(options.out);
  const explainer = await Explainer.open(model, options);
  try {
    const startSeconds = options.fromSeconds ?? 0;
    const { audio, remarks } = await readPart(file, startSeconds, options.toSeconds);
    const mono = toMono(audio);
    const { sampleRate } = explainer.info;
    const explained = await explainer.explain(resample(mono, audio.sampleRate, sampleRate), label, options);
    const deletion = await explained.deletion(deletedShare);
    const { saliency, probabilities, deletion: _, ...told } = explained;
    const place = (name: string) => join(directory, name);
    const [picture, salient, rest, json] = [
      'saliency.png',
      'salient.wav',
      'rest.wav',
      'explanation.json',
    ].map(place);
    const heard = maskedAudio(audio, saliency);
    await writeFileAtomic(
      picture!,
      saliencyOverlay(mono, audio.sampleRate, explained, basename(file), startSeconds).png,
    );
    await writeFileAtomic(salient!, encodeWav(heard.salient));
    await writeFileAtomic(rest!, encodeWav(heard.rest));
    const outcome: ExplainOutcome = {
      file,
      model,
      startSeconds,
      seconds: mono.length / audio.sampleRate,
      ...told,
      probabilities: Object.fromEntries(explainer.info.classes.map((name, i) => [name, probabilities[i]])),
      deletion,
      picture: picture!,
      salient: salient!,
      rest: rest!,
      json: json!,
      warnings: remarks,
    };
    await writeJson(json!, outcome);
    return outcome;
  } finally {
    await explainer.close();
  }
}

/**
 * The part to explain, at its own rate, with what is worth saying of it.
 * @throws {DecodeError} where it holds no sound
 * @throws {ParameterError} where it lies outside the recording, or is too long
 */
async function readPart(
  file: string,
  from: number,
  to: number | undefined,
): Promise<{ audio: AudioData; remarks: string[] }> {
  if (!(from >= 0 && (to === undefined || to > from))) {
    throw new ParameterError(`There is nothing to explain from ${from} s to ${to} s.`);
  }
  const sound = await openSound(file, {
    from,
    to: Math.min(to ?? Number.POSITIVE_INFINITY, from + longestExplained + 1),
  });
  const meter = new SoundMeter();
  const parts: Float32Array[][] = Array.from({ length: sound.channels }, () => []);
  try {
    const { sampleRate, frames } = sound;
    requireExplainable(file, from, frames ?? 0, sampleRate);
    let samples = 0;
    for await (const block of sound.blocks()) {
      meter.observe(block);
      samples += block[0].length;
      requireExplainable(file, from, samples, sampleRate);
      for (const [c, list] of parts.entries()) list.push(block[c]);
    }
    if (samples === 0 && from > 0) {
      throw new ParameterError(
        `There is nothing to explain from ${from} s on: the recording lasts ${(await soundLength(file)).toFixed(3)} s.`,
      );
    }
    const facts = meter.facts(sampleRate);
    requireUsableSound(facts, file);
    const channelData = parts.map((list) => joined(list.splice(0)));
    const remarks = [...sound.warnings, ...soundRemarks(facts).map(({ message }) => message)];
    return { audio: { sampleRate, channelData, warnings: [...sound.warnings] }, remarks };
  } finally {
    await sound.close();
  }
}

/** @throws {ParameterError} for more samples than are explained at once */
function requireExplainable(file: string, from: number, samples: number, sampleRate: number): void {
  if (samples <= longestExplained * sampleRate) return;
  throw new ParameterError(
    `At most ${longestExplained} s of a recording are explained at once, and ${file} has more than that${from > 0 ? ` from ${from} s on` : ''}.`,
    {
      hint: 'Choose a part with --from and --to (fromSeconds, toSeconds), such as one that earshot classify --timeline shows.',
    },
  );
}

/** The recording's spectrogram beside the same with the saliency laid over it. */
export function saliencyOverlay(
  mono: Float32Array,
  sampleRate: number,
  { saliency, label, probability }: Pick<ExplainedClass, 'saliency' | 'label' | 'probability'>,
  title: string,
  startSeconds = 0,
): Picture {
  const spec = pictureSpec(sampleRate);
  const features = logMel(mono, spec);
  return saliencyPicture(features, spec, saliencyCells(saliency, spec, features.nFrames), {
    title,
    startSeconds,
    seconds: mono.length / sampleRate,
    subtitle: `${label}: ${probability.toFixed(3)}`,
  });
}

/** The saliency at the cells of another front end's picture. */
function saliencyCells(saliency: RecordingSaliency, spec: LogMelSpec, nFrames: number): Float32Array {
  const { hertz, firstSeconds, stepSeconds } = logMelAxes(spec);
  const at = saliencyOfBins(saliency, hertz);
  const column = new Float64Array(spec.nMels);
  const cells = new Float32Array(spec.nMels * nFrames);
  for (let t = 0; t < nFrames; t++) {
    at(firstSeconds + t * stepSeconds, column);
    for (let m = 0; m < spec.nMels; m++) cells[m * nFrames + t] = column[m];
  }
  return cells;
}

type Channels = Pick<AudioData, 'channelData' | 'sampleRate'>;

/**
 * The recording with every time and frequency as loud as it is salient, and what is missing from it. Each channel is
 * masked by the same saliency, at the recording's own rate.
 */
export function maskedAudio(
  { channelData, sampleRate }: Channels,
  saliency: RecordingSaliency,
): { salient: Channels; rest: Channels } {
  // Frames of about 40 to 80 ms: fine enough in frequency for the mel bands, and in time for the network's frames.
  const nFft = 2 ** Math.ceil(Math.log2(0.04 * sampleRate));
  const hopLength = nFft / 4;
  const at = saliencyOfBins(saliency, fftFrequencies({ sampleRate, nFft }));
  const salient = channelData.map((samples) =>
    maskedStft(samples, { nFft, hopLength, padMode: 'constant' }, (t, gains) => {
      at((t * hopLength) / sampleRate, gains);
    }),
  );
  const rest = channelData.map((samples, c) => samples.map((value, i) => value - salient[c][i]));
  return { salient: { sampleRate, channelData: salient }, rest: { sampleRate, channelData: rest } };
}
