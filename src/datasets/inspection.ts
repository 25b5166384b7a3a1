/** @file What inspecting a dataset yields, as plain data, and as text for the terminal. */
import type { Notice } from '../core/index.ts';
import { count, type DatasetKind, listSome } from './dataset.ts';

/** Two clips of different recordings that hold the same sound. */
export interface NearDuplicate {
  readonly clips: readonly [string, string];
  readonly labels: readonly [string, string];
  readonly groups: readonly [string, string];
  readonly folds: readonly [number | null, number | null];
  /** The second clip's dataset, where it is another one. */
  readonly dataset: string | null;
  /** Cosine of their nearest windows. */
  readonly similarity: number;
  /** Correlation of their waveforms where they match best. */
  readonly correlation: number;
  /** Seconds at which the nearest windows lie. */
  readonly times: readonly [number, number];
  /** Seconds after the beginning of the first clip at which the second begins there. */
  readonly shiftSeconds: number;
  readonly acrossFolds: boolean;
  readonly acrossClasses: boolean;
}

/** What comparing embeddings, and then waveforms, found. */
export interface NearDuplicates {
  readonly network: string;
  /** Least cosine of a candidate. */
  readonly similarity: number;
  /** Least correlation that is called the same sound. */
  readonly correlation: number;
  /** Pairs of clips whose waveforms were compared. */
  readonly compared: number;
  /** One per pair of recordings, the surest first. */
  readonly pairs: readonly NearDuplicate[];
  /** Pairs of recordings that sound alike without being the same sound. */
  readonly alike: number;
}

type Tally<V> = readonly { readonly value: V; readonly clips: number }[];

export interface Inspection {
  readonly name: string;
  readonly kind: DatasetKind;
  readonly root: string;
  readonly synthetic: boolean;
  readonly groupSource: string;
  readonly officialFolds: boolean;
  /** False if only headers were read: `silent`, `cancelled`, `dcOffsets` and `warnings` are then empty. */
  readonly decoded: boolean;
  readonly clips: number;
  readonly bytes: number;
  readonly classes: readonly {
    readonly label: string;
    readonly clips: number;
    readonly groups: number;
    /** In the order of `folds`. */
    readonly clipsPerFold: readonly number[];
  }[];
  readonly folds: readonly { readonly fold: number; readonly clips: number; readonly groups: number }[];
  readonly clipsWithoutFold: number;
  readonly groups: {
    readonly count: number;
    readonly clipsPerGroup: { readonly min: number; readonly median: number; readonly max: number };
    readonly withSeveralClasses: readonly { readonly group: string; readonly classes: readonly string[] }[];
  };
  /** Groups that lie in several folds: a split by folds shares them. */
  readonly leaks: readonly {
    readonly group: string;
    readonly folds: readonly number[];
    readonly clips: number;
  }[];
  /** Of the readable clips whose length is known; null if there is none. */
  readonly durations: {
    readonly minSeconds: number;
    readonly shortest: string;
    readonly medianSeconds: number;
    readonly maxSeconds: number;
    readonly longest: string;
    readonly totalSeconds: number;
    readonly histogram: readonly {
      readonly fromSeconds: number;
      readonly toSeconds: number;
      readonly clips: number;
    }[];
  } | null;
  /** Such as `wav pcm-s16`. */
  readonly formats: Tally<string>;
  /** Hz. */
  readonly sampleRates: Tally<number>;
  readonly channels: Tally<number>;
  readonly bitDepths: Tally<number>;
  /** Sets of clips with the same file content, or the same decoded samples. */
  readonly duplicates: {
    readonly same: 'content' | 'samples';
    readonly clips: readonly string[];
    readonly acrossClasses: boolean;
    readonly acrossFolds: boolean;
  }[];
  /** Only where an index of embeddings was at hand. */
  readonly nearDuplicates?: NearDuplicates;
  readonly unreadable: readonly { readonly clip: string; readonly message: string }[];
  /** Clips that stay within 0.0001 of full scale about their mean. */
  readonly silent: readonly string[];
  /** Clips whose channels do not, but cancel out when they are mixed down to mono. */
  readonly cancelled: readonly string[];
  /** Clips whose mean is beyond 0.01 of full scale. */
  readonly dcOffsets: readonly { readonly clip: string; readonly offset: number }[];
  /** What decoding complained of, clip by clip. */
  readonly warnings: readonly { readonly clip: string; readonly message: string }[];
  /** What opening the dataset found odd. */
  readonly notices: readonly Notice[];
}

/**
 * An inspection as text, lines of about 100 characters at most (but for long names).
 * @param most items shown of each list of clips; default 8
 */
export function inspectionText(result: Inspection, { most = 8 }: { most?: number } = {}): string {
  const lines: string[] = [];
  const section = (title: string) => lines.push('', title);
  const { groups, folds, durations } = result;
  lines.push(
    `${result.name} (${result.kind})${result.synthetic ? ': SYNTHETIC sound, computed, not recorded' : ''}`,
  );
  if (result.root) lines.push(result.root);
  lines.push(
    `${count(result.clips, 'clip')}, ${count(result.classes.length, 'class', 'classes')}, ` +
      `${count(folds.length, 'fold')}, ${count(groups.count, 'recording')}, ${size(result.bytes)}`,
  );

  section('Classes');
  const heads = ['class', 'clips', 'recordings', ...folds.map(({ fold }) => `fold ${fold}`)];
  const body = result.classes.map((c) => [c.label, c.clips, c.groups, ...c.clipsPerFold].map(String));
  const totals = ['all', result.clips, groups.count, ...folds.map((fold) => fold.clips)].map(String);
  lines.push(...columns([heads, ...body, totals]));
  if (folds.length > 0) {
    lines.push(...columns([['  recordings in fold', '', '', ...folds.map((fold) => String(fold.groups))]]));
  }
  if (result.clipsWithoutFold > 0 && folds.length > 0)
    lines.push(`  ${count(result.clipsWithoutFold, 'clip')} without fold`);

  section('Recordings (groups)');
  lines.push(`  ${result.groupSource}`);
  const per = groups.clipsPerGroup;
  lines.push(`  clips per recording: ${per.min} to ${per.max}, median ${per.median}`);
  for (const { group, classes } of groups.withSeveralClasses.slice(0, most)) {
    lines.push(`  recording ${group} has clips of several classes: ${classes.join(', ')}`);
  }
  lines.push(...rest(groups.withSeveralClasses.length, most));

  section('Leaks between folds');
  if (folds.length < 2) lines.push('  there are no folds to leak between');
  else if (result.leaks.length === 0) lines.push('  none: no recording lies in two folds');
  for (const leak of result.leaks.slice(0, most)) {
    lines.push(
      `  recording ${leak.group} lies in folds ${leak.folds.join(' and ')} (${count(leak.clips, 'clip')})`,
    );
  }
  lines.push(...rest(result.leaks.length, most));

  section('Durations');
  if (durations === null) lines.push('  unknown');
  else {
    lines.push(
      `  ${seconds(durations.minSeconds)} (${durations.shortest}) to ${seconds(durations.maxSeconds)}, ` +
        `median ${seconds(durations.medianSeconds)}, total ${total(durations.totalSeconds)}`,
    );
    const tallest = Math.max(...durations.histogram.map((bin) => bin.clips));
    const text = (v: number) => String(v);
    const width = Math.max(...durations.histogram.map((bin) => text(bin.toSeconds).length));
    for (const bin of durations.histogram) {
      const bar = '█'.repeat(Math.ceil((40 * bin.clips) / tallest));
      const range = `${text(bin.fromSeconds).padStart(width)}–${text(bin.toSeconds).padEnd(width)} s`;
      lines.push(`  ${range} ${bar}${bar ? ' ' : ''}${bin.clips}`);
    }
  }

  section('Formats');
  const list = <V>(name: string, tally: Tally<V>, unit = '') => {
    if (tally.length > 0) {
      lines.push(`  ${name}: ${tally.map(({ value, clips }) => `${value}${unit} (${clips})`).join(', ')}`);
    }
  };
  list('encoding', result.formats);
  list('sample rate', result.sampleRates, ' Hz');
  list('channels', result.channels);
  list('bits per sample', result.bitDepths);

  const problems = lines.length;
  const problem = (title: string, items: readonly string[]) => {
    if (items.length === 0) return;
    section(`${title}: ${items.length}`);
    lines.push(...items.slice(0, most).map((item) => `  ${item}`), ...rest(items.length, most));
  };
  problem(
    'Duplicates',
    result.duplicates.map(
      ({ same, clips, acrossClasses, acrossFolds }) =>
        `same ${same}: ${listSome(clips, 4)}${acrossClasses ? ' — UNDER DIFFERENT LABELS' : ''}${acrossFolds ? ' — in different folds' : ''}`,
    ),
  );
  const { nearDuplicates: near } = result;
  if (near !== undefined) {
    problem(
      'The same sound under different recordings',
      near.pairs.map(
        ({ clips, correlation, similarity, dataset, acrossClasses, acrossFolds }) =>
          `${clips[0]} and ${dataset === null ? '' : `${dataset}: `}${clips[1]} (correlation ${correlation.toFixed(2)}, cosine ${similarity.toFixed(3)})${acrossClasses ? ' — UNDER DIFFERENT LABELS' : ''}${acrossFolds ? ' — in different folds' : ''}`,
      ),
    );
    section(
      `Near duplicates: ${count(near.pairs.length, 'pair')} of recordings; ${near.alike} more sound alike (cosine ${near.similarity} or more, ${near.network}).`,
    );
  }
  problem(
    'Unreadable',
    result.unreadable.map(({ clip, message }) => `${clip}: ${message}`),
  );
  problem('Silent', result.silent);
  problem('Cancelling out when mixed down to mono', result.cancelled);
  problem(
    'With a DC offset',
    result.dcOffsets.map(({ clip, offset }) => `${clip}: ${offset}`),
  );
  problem(
    'Decoder warnings',
    result.warnings.map(({ clip, message }) => `${clip}: ${message}`),
  );
  problem(
    'Notices',
    result.notices.map(({ subject, message }) => `${subject}: ${message}`),
  );
  if (lines.length === problems) {
    section(
      `No duplicates or unreadable files${result.decoded ? ', no silent clips, no DC offsets' : ''} found.`,
    );
  }
  if (!result.decoded) lines.push('Only headers were read: silence, offsets and damaged sound go unseen.');
  return `${lines.join('\n')}\n`;
}

/** Cells in columns: the first flush left, the others flush right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows.map((row) =>
    `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ')}`.trimEnd(),
  );
}

function rest(length: number, most: number): string[] {
  return length > most ? [`  … and ${length - most} more`] : [];
}

function seconds(value: number): string {
  return `${Number(value.toFixed(value < 1 ? 3 : 2))} s`;
}

function total(value: number): string {
  if (value < 120) return seconds(value);
  return value < 7200 ? `${(value / 60).toFixed(1)} min` : `${(value / 3600).toFixed(2)} h`;
}

function size(bytes: number): string {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
