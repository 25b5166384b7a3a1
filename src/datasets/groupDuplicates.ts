/**
 * @file Copies of one sound under several names are one recording: the same file twice, or the same sound in another
 * format. Their groups become one, so that splits keep them together and leaks are counted.
 */
import { extname } from 'node:path';
import { CancelledError, type Notice } from '../core/index.ts';
import { cacheDirectory } from '../files/index.ts';
import { type Clip, count, type Dataset, groupBy, listSome } from './dataset.ts';
import { eachOf, type FileContentOptions, fileContents } from './fileContents.ts';
import {
  Beginnings,
  heardSeconds,
  type SoundSketch,
  SoundSketches,
  spectralDistance,
  wholeSamples,
} from './soundSketch.ts';

/** Where decoding is as good as reading, so that copies with other headers are looked for too. */
const lossless = ['.wav', '.wave', '.bwf', '.rf64', '.flac', '.aif', '.aiff', '.au', '.caf', '.w64', '.wv'];
/** Largest difference of two copies' spectra (dB) and lengths (s), and least correlation of their samples. */
const alike = { decibels: 3, seconds: 0.2, correlation: 0.6 };

/** A file's content, and the first clip that has it. */
interface Content {
  readonly path: string;
  readonly hash: string;
  readonly clips: Clip[];
}

/**
 * The dataset with the groups of copies joined, and a notice that says so; itself where there are none. Files are
 * compared by content. Sounds are compared too, where formats differ or are lossless: by their samples, and those encoded
 * with loss by spectrum and waveform. Silent clips and those that cannot be decoded are nobody's copy.
 * @throws {CancelledError} when `signal` is aborted
 */
export async function groupDuplicates(dataset: Dataset, options: FileContentOptions = {}): Promise<Dataset> {
  // Computed sound has no copies that it was not told of.
  if (dataset.synthetic) return dataset;
  const { cacheDir = cacheDirectory(), signal, onProgress } = options;
  const hashes = await fileContents(
    dataset.clips.map(({ path }) => path),
    'Looking for copies of files',
    options,
  );
  const contents = contentsOf(dataset.clips, hashes);
  const groups = new JoinedGroups();
  const sketches = await SoundSketches.open(cacheDir);
  let pairs: readonly (readonly [Content, Content])[] = [];
  try {
    for (const { path, hash, clips } of contents) {
      if (!severalGroups(clips) || (await sketches.of(path, hash, false)) === null) continue;
      for (const { group } of clips) groups.join(clips[0].group, group);
    }
    const kinds = new Set(contents.map(({ path }) => extname(path).toLowerCase()));
    // Copies that were encoded with loss are looked for only where there is another format that they can be of.
    const mixed = kinds.size > 1;
    if (contents.length > 1 && (mixed || lossless.includes([...kinds][0]))) {
      const sketched: (readonly [Content, SoundSketch])[] = [];
      await eachOf(
        contents,
        { lanes: 4, task: 'Looking for copies of sounds', onProgress, signal },
        async (content) => {
          const sketch = await sketches.of(content.path, content.hash, mixed);
          if (sketch !== null) sketched.push([content, sketch]);
        },
      );
      pairs = await sameSounds(sketched, sketches, signal);
      for (const [a, b] of pairs) groups.join(a.clips[0].group, b.clips[0].group);
    }
  } finally {
    await sketches.save();
  }
  if (!groups.any) return dataset;
  const named = groups.names(dataset.clips);
  const clips = dataset.clips.map((clip) => ({ ...clip, group: named(clip.group) }));
  return {
    ...dataset,
    clips,
    groupSource: `${dataset.groupSource} Copies of one sound are one group.`,
    notices: [...dataset.notices, noticeOf(contents, pairs)],
  };
}

function contentsOf(clips: readonly Clip[], hashes: ReadonlyMap<string, string | null>): Content[] {
  const found = new Map<string, Content>();
  for (const clip of clips) {
    const hash = hashes.get(clip.path);
    if (hash === undefined || hash === null) continue;
    const content = found.get(hash);
    if (content === undefined) found.set(hash, { path: clip.path, hash, clips: [clip] });
    else content.clips.push(clip);
  }
  return [...found.values()];
}

const severalGroups = (clips: readonly Clip[]) => clips.some(({ group }) => group !== clips[0].group);

/** Pairs of contents of different groups that hold the same sound. */
async function sameSounds(
  sketched: readonly (readonly [Content, SoundSketch])[],
  sketches: SoundSketches,
  signal: AbortSignal | undefined,
): Promise<[Content, Content][]> {
  const pairs: [Content, Content][] = [];
  const apart = (a: Content, b: Content) => a.clips[0].group !== b.clips[0].group;
  for (const same of groupBy(sketched, ([, s]) => `${s.rate} ${s.seconds} ${s.samples}`).values()) {
    const [[first, sketch], ...others] = same as [(typeof same)[number], ...typeof same];
    for (const [other] of others)
      if (apart(first, other) && (await equal(first, other, sketch))) pairs.push([first, other]);
  }
  const exact = new Set(pairs.map(([a, b]) => `${a.hash} ${b.hash}`));
  // Encoded with loss: only what is in another format can be the same sound and yet have other samples.
  const kindOf = ({ path }: Content) => extname(path).toLowerCase();
  const beginnings = new Beginnings();
  const sorted = [...sketched].sort(([, a], [, b]) => a.seconds - b.seconds);
  for (const [i, [a, x]] of sorted.entries()) {
    if (signal?.aborted) throw new CancelledError('The search for copies of sounds was stopped.');
    for (let j = i + 1; j < sorted.length; j++) {
      const [b, y] = sorted[j];
      if (y.seconds - x.seconds > alike.seconds) break;
      if (!apart(a, b) || kindOf(a) === kindOf(b)) continue;
      if (spectralDistance(x, y) > alike.decibels) continue;
      if (exact.has(`${a.hash} ${b.hash}`) || exact.has(`${b.hash} ${a.hash}`)) continue;
      const correlation = await sketches.correlation(a.hash, b.hash, () =>
        beginnings.correlation(a.path, b.path).catch(() => 0),
      );
      if (correlation >= alike.correlation) pairs.push([a, b]);
    }
  }
  return pairs;
}

/** Whether what begins alike is alike to its end. */
async function equal(a: Content, b: Content, { seconds }: SoundSketch): Promise<boolean> {
  if (seconds <= heardSeconds) return true;
  const [x, y] = await Promise.all([a, b].map(({ path }) => wholeSamples(path).catch(() => path)));
  return x === y;
}

function noticeOf(contents: readonly Content[], pairs: readonly (readonly [Content, Content])[]): Notice {
  const files = contents.filter(({ clips }) => severalGroups(clips)).map(({ clips }) => clips);
  const sounds = pairs.map(([a, b]) => [a.clips[0], b.clips[0]]);
  const sets = [...files, ...sounds];
  const shown = listSome(
    sets.map((set) =>
      set
        .slice(0, 3)
        .map(({ id }) => id)
        .join(' = '),
    ),
  );
  const several = (of: (clip: Clip) => unknown) => sets.filter((set) => new Set(set.map(of)).size > 1).length;
  const labels = several(({ label }) => label);
  const folds = several(({ fold, side }) => `${fold} ${side}`);
  const what = [
    ...(files.length > 0 ? [`${count(files.length, 'file')} under several names`] : []),
    ...(sounds.length > 0 ? [`${count(sounds.length, 'sound')} in several formats`] : []),
  ];
  return {
    subject: 'duplicates',
    message:
      `The same sound is there more than once, and its copies count as one recording in splits, folds and leaks: ${what.join(', ')} (${shown}).` +
      `${folds > 0 ? ` ${folds} of them lie in different folds or sides of the dataset’s own split.` : ''}` +
      `${labels > 0 ? ` ${labels} of them UNDER DIFFERENT LABELS.` : ''} earshot data inspect lists them; remove the copies.`,
  };
}

/** Groups that were found to be one: each is known by any of its names. */
class JoinedGroups {
  private readonly parents = new Map<string, string>();

  get any(): boolean {
    return this.parents.size > 0;
  }

  join(a: string, b: string): void {
    const [x, y] = [this.root(a), this.root(b)];
    if (x !== y) this.parents.set(y, x);
  }

  private root(group: string): string {
    let at = group;
    for (let up = this.parents.get(at); up !== undefined; up = this.parents.get(at)) at = up;
    return at;
  }

  /** What a group is called now: as the first of the clips in it was. */
  names(clips: readonly Clip[]): (group: string) => string {
    const first = new Map<string, string>();
    for (const { group } of clips) {
      const root = this.root(group);
      if (!first.has(root)) first.set(root, group);
    }
    return (group) => first.get(this.root(group)) ?? group;
  }
}
