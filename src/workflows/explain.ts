/** @file `earshot explain`: what in a recording speaks for a class, as a picture and as sound. */
import { basename, join, resolve } from 'node:path';
import { type AudioData, encodeWav, readAudio, resample, toMono } from '../audio/index.ts';
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
  /** Directory for the picture, the sounds and explanation.json. */
  readonly out: string;
}

export interface ExplainOutcome extends Omit<ExplainedClass, 'saliency' | 'probabilities'> {
  readonly file: string;
  readonly model: string;
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

/** The share of a picture that is deleted to see whether the explanation is true. */
const deletedShare = 0.2;

/**
 * Explains one class of one recording. Writes `saliency.png`, `salient.wav`, `rest.wav` and `explanation.json`.
 * @throws {GraphError} where the model cannot be read, or holds no network that sees a picture
 * @throws {DecodeError} where the file holds no sound
 * @throws {ParameterError} for a class or a tensor that the model does not have, or a method that its network does not
 *   allow
 */
export async function explain(options: ExplainOptions): Promise<ExplainOutcome> {
  const { model, file, label } = options;
  const directory = resolve(options.out);
  const explainer = await Explainer.open(model, options);
  try {
    const audio = await readAudio(file);
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
    await writeFileAtomic(picture!, saliencyOverlay(mono, audio.sampleRate, explained, basename(file)).png);
    await writeFileAtomic(salient!, encodeWav(heard.salient));
    await writeFileAtomic(rest!, encodeWav(heard.rest));
    const outcome: ExplainOutcome = {
      file,
      model,
      seconds: mono.length / audio.sampleRate,
      ...told,
      probabilities: Object.fromEntries(explainer.info.classes.map((name, i) => [name, probabilities[i]!])),
      deletion,
      picture: picture!,
      salient: salient!,
      rest: rest!,
      json: json!,
      warnings: audio.warnings,
    };
    await writeJson(json!, outcome);
    return outcome;
  } finally {
    await explainer.close();
  }
}

/** The recording's spectrogram beside the same with the saliency laid over it. */
export function saliencyOverlay(
  mono: Float32Array,
  sampleRate: number,
  { saliency, label, probability }: Pick<ExplainedClass, 'saliency' | 'label' | 'probability'>,
  title: string,
): Picture {
  const spec = pictureSpec(sampleRate);
  const features = logMel(mono, spec);
  return saliencyPicture(features, spec, saliencyCells(saliency, spec, features.nFrames), {
    title,
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
    for (let m = 0; m < spec.nMels; m++) cells[m * nFrames + t] = column[m]!;
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
  const rest = channelData.map((samples, c) => samples.map((value, i) => value - salient[c]![i]!));
  return { salient: { sampleRate, channelData: salient }, rest: { sampleRate, channelData: rest } };
}
