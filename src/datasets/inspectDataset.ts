/** @file Looks at every file of a dataset and gathers what one should know before training on it. */
import { isSilent, notableDcOffset, type SoundRemarkKind, soundRemarks } from '../audio/index.ts';
import { CancelledError, inLanes, type ProgressListener } from '../core/index.ts';
import { WorkerPool } from '../parallel/index.ts';
import { type Clip, compareText, type Dataset, foldsOf, groupBy } from './dataset.ts';
import { type Examination, type ExamineTask, examineClip } from './examineClip.ts';
import type { Inspection } from './inspection.ts';
import { spanSuffix, spanTimes } from './soundSpan.ts';

export interface InspectOptions {
  /** False reads headers alone: quicker, but silence, offsets and damage behind the header go unseen. Default true. */
  readonly decode?: boolean;
  /** Threads; 0 works on the calling thread. Default one per processor, at most 8. */
  readonly workers?: number;
  readonly onProgress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/**
 * Counts, durations, formats, leaks between folds, duplicates and doubtful files of a dataset, as plain data that
 * `JSON.stringify` takes. Every file is read and (unless `decode` is false) decoded, on several threads.
 * @throws {CancelledError} when `signal` is aborted.
 */
export async function inspectDataset(dataset: Dataset, options: InspectOptions = {}): Promise<Inspection> {
  const examined = await examineAll(dataset.clips, options);
  const { clips } = dataset;
  const groups = groupBy(clips, (clip) => clip.group);
  const groupSizes = [...groups.values()].map((list) => list.length).sort((a, b) => a - b);
  const folds = foldsOf(clips);
  const rows = clips.map((clip, i) => ({ clip, found: examined[i] }));
  const readable = rows.filter(({ found }) => found.error === null);
  const seconds = readable.flatMap(({ clip, found }) => {
    const s = found.sound
      ? found.sound.facts.samples / found.sound.facts.sampleRate
      : spanSeconds(clip, headerSeconds(found));
    return s === null ? [] : [{ clip: clip.id, seconds: s }];
  });
  const remarked = (wanted: SoundRemarkKind) =>
    readable.flatMap(({ clip, found }) =>
      found.sound && soundRemarks(found.sound.facts).some(({ kind }) => kind === wanted) ? [clip.id] : [],
    );
  return {
    name: dataset.name,
    kind: dataset.kind,
    root: dataset.root,
    synthetic: dataset.synthetic,
    groupSource: dataset.groupSource,
    officialFolds: dataset.officialFolds,
    decoded: options.decode !== false,
    clips: clips.length,
    bytes: examined.reduce((sum, { bytes }) => sum + bytes, 0),
    classes: dataset.classes.map((label) => {
      const mine = clips.filter((clip) => clip.label === label);
      return {
        label,
        clips: mine.length,
        groups: new Set(mine.map((clip) => clip.group)).size,
        clipsPerFold: folds.map((fold) => mine.filter((clip) => clip.fold === fold).length),
      };
    }),
    folds: folds.map((fold) => {
      const mine = clips.filter((clip) => clip.fold === fold);
      return { fold, clips: mine.length, groups: new Set(mine.map((clip) => clip.group)).size };
    }),
    clipsWithoutFold: clips.filter((clip) => clip.fold === null).length,
    groups: {
      count: groups.size,
      clipsPerGroup: {
        min: groupSizes[0] ?? 0,
        median: quantile(groupSizes, 0.5),
        max: groupSizes.at(-1) ?? 0,
      },
      withSeveralClasses: [...groups]
        .filter(([, list]) => new Set(list.map((clip) => clip.label)).size > 1)
        .map(([group, list]) => ({
          group,
          classes: [...new Set(list.map((clip) => clip.label))].sort(compareText),
        })),
    },
    leaks: [...groups].flatMap(([group, list]) => {
      const across = foldsOf(list);
      return across.length > 1 ? [{ group, folds: across, clips: list.length }] : [];
    }),
    durations: durationsOf(seconds),
    formats: tally(readable, ({ found }) =>
      found.header === null ? found.reader : `${found.header.format} ${found.header.encoding}`,
    ),
    sampleRates: tally(readable, ({ found }) => rateOf(found)),
    channels: tally(readable, ({ found }) => found.sound?.facts.channels ?? found.header?.channels ?? null),
    bitDepths: tally(readable, ({ found }) => found.header?.bitsPerSample ?? null),
    duplicates: duplicatesOf(rows),
    unreadable: rows.flatMap(({ clip, found }) =>
      found.error === null ? [] : [{ clip: clip.id, message: found.error }],
    ),
    silent: remarked('silent'),
    cancelled: remarked('cancelled'),
    dcOffsets: readable.flatMap(({ clip, found }) =>
      found.sound && Math.abs(found.sound.facts.dcOffset) >= notableDcOffset
        ? [{ clip: clip.id, offset: round(found.sound.facts.dcOffset, 4) }]
        : [],
    ),
    warnings: readable.flatMap(({ clip, found }) =>
      found.warnings.map((message) => ({ clip: clip.id, message })),
    ),
    notices: dataset.notices.map((notice) => ({ ...notice })),
  };
}

/** Examines all clips, in order; a worker that dies leaves an error for its clip. */
async function examineAll(clips: readonly Clip[], options: InspectOptions): Promise<Examination[]> {
  const { decode = true, workers, onProgress, signal } = options;
  const pool =
    workers === 0
      ? null
      : new WorkerPool<ExamineTask, Examination>(import.meta.url, 'examineWorker', { size: workers, signal });
  const examined = new Array<Examination>(clips.length);
  let done = 0;
  try {
    await inLanes(clips, 16, async (clip, i) => {
      if (signal?.aborted) throw new CancelledError('The inspection was stopped before it was complete.');
      const task: ExamineTask = { path: clip.path, ...spanTimes(clip), decode };
      examined[i] = await (pool ? pool.run(task) : examineClip(task)).catch((error: unknown) => {
        if (error instanceof CancelledError || pool?.failed) throw error;
        const message = error instanceof Error ? error.message : String(error);
        return {
          hash: null,
          bytes: 0,
          header: null,
          reader: null,
          sound: null,
          warnings: [],
          error: message,
        };
      });
      onProgress?.({ task: 'Inspecting', done: ++done, total: clips.length, unit: 'clips' });
    });
  } finally {
    await pool?.close();
  }
  return examined;
}

/** Length of a clip in a file of so many seconds. */
function spanSeconds({ start = 0, end }: Clip, seconds: number | null): number | null {
  return seconds === null ? null : Math.max(0, Math.min(end ?? seconds, seconds) - start);
}

function headerSeconds({ header }: Examination): number | null {
  return header && header.frames !== null && header.sampleRate > 0 ? header.frames / header.sampleRate : null;
}

function rateOf(found: Examination): number | null {
  return found.sound?.facts.sampleRate ?? found.header?.sampleRate ?? null;
}

/** Same content, or (if decoded) the same samples; each set once, clips without sound left out. */
function duplicatesOf(rows: readonly { clip: Clip; found: Examination }[]): Inspection['duplicates'] {
  const sets: Inspection['duplicates'] = [];
  const told = new Set<string>();
  for (const [same, key] of [
    // Segments of one file are no copies of each other.
    ['content', (clip: Clip, { hash }: Examination) => hash && `${hash}${spanSuffix(clip)}`],
    // Silent clips have equal samples without being copies.
    [
      'samples',
      (_: Clip, { sound }: Examination) => (sound && !isSilent(sound.facts) ? sound.samplesHash : null),
    ],
  ] as const) {
    for (const [value, list] of groupBy(rows, ({ clip, found }) => key(clip, found))) {
      if (value === null || list.length < 2) continue;
      const clips = list.map(({ clip }) => clip.id);
      if (told.has(clips.join('\n'))) continue;
      told.add(clips.join('\n'));
      const labels = new Set(list.map(({ clip }) => clip.label));
      const folds = new Set(list.map(({ clip }) => clip.fold));
      sets.push({ same, clips, acrossClasses: labels.size > 1, acrossFolds: folds.size > 1 });
    }
  }
  return sets;
}

function durationsOf(list: readonly { clip: string; seconds: number }[]): Inspection['durations'] {
  if (list.length === 0) return null;
  const sorted = [...list].sort((a, b) => a.seconds - b.seconds);
  const values = sorted.map(({ seconds }) => seconds);
  const max = values.at(-1)!;
  const width = histogramWidth(max);
  const bins = Math.max(1, Math.ceil(max / width - 1e-6));
  const histogram = Array.from({ length: bins }, (_, i) => ({
    fromSeconds: round(i * width, 6),
    toSeconds: round((i + 1) * width, 6),
    clips: 0,
  }));
  for (const value of values) histogram[Math.min(bins - 1, Math.floor(value / width + 1e-9))].clips++;
  return {
    minSeconds: round(values[0], 6),
    shortest: sorted[0].clip,
    medianSeconds: round(quantile(values, 0.5), 6),
    maxSeconds: round(max, 6),
    longest: sorted.at(-1)!.clip,
    totalSeconds: round(
      values.reduce((a, b) => a + b, 0),
      3,
    ),
    histogram,
  };
}

/** A width of 1, 2 or 5 times a power of ten that makes at most ten bins. */
function histogramWidth(max: number): number {
  const raw = Math.max(max, 1e-3) / 10;
  const power = 10 ** Math.floor(Math.log10(raw));
  for (const factor of [1, 2, 5]) if (factor * power >= raw - 1e-9) return factor * power;
  return 10 * power;
}

/** Counts by value, most frequent first; null values are left out. */
function tally<T, V extends string | number>(
  items: readonly T[],
  value: (item: T) => V | null,
): { value: V; clips: number }[] {
  const counts = new Map<V, number>();
  for (const item of items) {
    const v = value(item);
    if (v !== null) counts.set(v, (counts.get(v) ?? 0) + 1);
  }
  return [...counts]
    .map(([v, clips]) => ({ value: v, clips }))
    .sort((a, b) => b.clips - a.clips || compareText(String(a.value), String(b.value)));
}

/** Linear interpolation between order statistics, as numpy's default. */
function quantile(sorted: readonly number[], p: number): number {
  if (sorted.length === 0) return 0;
  const at = p * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(sorted.length - 1, low + 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
