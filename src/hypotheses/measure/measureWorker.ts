/** @file Worker thread of measureClips: takes a clip, hands over the numbers. */
import { workerData } from 'node:worker_threads';
import type { SoundSpan } from '../../datasets/index.ts';
import { serveTasks } from '../../parallel/index.ts';
import { type MeasuredClip, type MeasureSettings, measureClip } from './measureTask.ts';

const settings = workerData as MeasureSettings;

serveTasks<SoundSpan, MeasuredClip>(async (clip) => ({ result: await measureClip(clip, settings) }));
