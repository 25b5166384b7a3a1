/** @file The synthetic set as WAV files in UrbanSound8K's layout, marked as synthetic. */
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { encodeWav } from '../../audio/encodeWav.ts';
import { DatasetError, type ProgressListener } from '../../core/index.ts';
import { readRecord, writeFileAtomic, writeJson } from '../../files/index.ts';
import { kindOf, listFolder } from '../audioFiles.ts';
import { count, type Dataset } from '../dataset.ts';
import { openUrbanSound8k, urbanSound8kTable } from '../urbanSound8k.ts';
import {
  type DemoOptions,
  demoGroupSource,
  type ResolvedDemoOptions,
  resolveDemoOptions,
  synthesizeDemo,
} from './synthesizeDemo.ts';

/** The file that says a folder holds the synthetic set, and how it was made. */
export const demoMarker = 'earshot-demo.json';

/** Raised whenever the same options would give other samples. */
const demoVersion = 1;

interface Marker {
  readonly synthetic: true;
  readonly version: number;
  readonly note: string;
  readonly options: ResolvedDemoOptions;
}

/**
 * Writes the synthetic set to `directory` (16-bit mono WAV, UrbanSound8K's layout) and opens it. A folder that
 * already holds it, made with the same options and whole, is opened as it is.
 * @throws {DatasetError} when the folder holds something else.
 * @throws {ParameterError} on options out of range.
 */
export async function writeDemo(
  directory: string,
  options: DemoOptions & { onProgress?: ProgressListener } = {},
): Promise<Dataset> {
  const { onProgress, ...demoOptions } = options;
  const resolved = resolveDemoOptions(demoOptions);
  const root = resolve(directory);
  const marker = await readMarker(root);
  if (marker === null && (await kindOf(root)) !== 'absent') {
    const { files, folders } = await listFolder(root).catch(() => ({ files: ['?'], folders: [] }));
    if (files.length + folders.length > 0 && !(await isUnfinished(root))) {
      throw new DatasetError(
        `${directory} already holds something that is not the demo set; nothing was written.`,
        {
          hint: 'Give an empty or a new folder.',
        },
      );
    }
  }
  if (marker !== null && !sameOptions(marker.options, resolved)) {
    throw new DatasetError(`${directory} holds a demo set made with other options; nothing was written.`, {
      hint: 'Remove it, or give another folder.',
    });
  }
  if (marker !== null) {
    const present = await openDemo(root).catch(() => null);
    const wanted = 10 * resolved.recordingsPerClass * resolved.slicesPerRecording;
    if (present?.clips.length === wanted) return present;
  }

  // Says "unfinished" until the marker stands: an interrupted writing may be taken up again in the same folder.
  await writeFileAtomic(join(root, unfinishedName), 'The demo set is being written here.\n');
  const { dataset, waveforms, sampleRate, saliences } = synthesizeDemo(resolved);
  const rows = ['slice_file_name,fsID,start,end,salience,fold,classID,class'];
  for (const [i, clip] of dataset.clips.entries()) {
    const name = clip.id.slice(clip.id.lastIndexOf('/') + 1);
    const bytes = encodeWav({ sampleRate, channelData: [waveforms.get(clip.id)!] }, { encoding: 'pcm16' });
    await writeFileAtomic(join(root, clip.id), bytes, { sync: false });
    const { startSeconds, endSeconds } = clip.source!;
    const classId = dataset.classes.indexOf(clip.label);
    rows.push(
      [
        name,
        clip.group,
        startSeconds,
        endSeconds,
        saliences.get(clip.id),
        clip.fold,
        classId,
        clip.label,
      ].join(','),
    );
    onProgress?.({
      task: 'Writing the synthetic demo set',
      done: i + 1,
      total: dataset.clips.length,
      unit: 'clips',
    });
  }
  await writeFileAtomic(join(root, urbanSound8kTable), `${rows.join('\n')}\n`);
  const note = `Synthetic sound: ${count(dataset.clips.length, 'clip')} computed by Earshot, not recorded. Scores on it say nothing about real recordings.`;
  await writeJson(join(root, demoMarker), {
    synthetic: true,
    version: demoVersion,
    note,
    options: resolved,
  } satisfies Marker);
  await rm(join(root, unfinishedName), { force: true });
  return openDemo(root);
}

/** Opens a folder written by {@link writeDemo}. @throws {DatasetError} */
export async function openDemo(root: string): Promise<Dataset> {
  if ((await readMarker(root)) === null) {
    throw new DatasetError(`${root} is not the demo set: ${demoMarker} is missing.`, {
      hint: 'Write the set again with writeDemo, into an empty folder.',
    });
  }
  return {
    ...(await openUrbanSound8k(root)),
    name: 'demo (synthetic)',
    kind: 'synthetic',
    groupSource: demoGroupSource,
    synthetic: true,
  };
}

const unfinishedName = 'earshot-demo.unfinished';

async function isUnfinished(root: string): Promise<boolean> {
  return (await kindOf(join(root, unfinishedName))) === 'file';
}

const markerRecord = z.looseObject({
  synthetic: z.literal(true),
  version: z.int(),
  note: z.string(),
  options: z.looseObject({
    seed: z.number(),
    recordingsPerClass: z.number(),
    slicesPerRecording: z.number(),
    seconds: z.number(),
    sampleRate: z.number(),
    folds: z.number(),
  }),
});

/** @throws {DatasetError} for one that is damaged, or of another version */
function readMarker(root: string): Promise<Marker | null> {
  return readRecord(join(root, demoMarker), markerRecord, {
    what: 'the mark of a demo set',
    hint: 'Remove the folder, and write the set again.',
    error: DatasetError,
    version: { field: 'version', supported: [demoVersion] },
  });
}

function sameOptions(a: ResolvedDemoOptions, b: ResolvedDemoOptions): boolean {
  return (Object.keys(b) as (keyof ResolvedDemoOptions)[]).every((key) => a[key] === b[key]);
}
