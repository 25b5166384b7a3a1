/** @file Worker thread of measureClips: takes a path, hands over the numbers. */
import { workerData } from 'node:worker_threads';
import { serveTasks } from '../../parallel/index.ts';
import { type MeasuredClip, type MeasureSettings, measureFile } from './measureTask.ts';

const settings = workerData as MeasureSettings;

serveTasks<string, MeasuredClip>(async (path) => ({ result: await measureFile(path, settings) }));
