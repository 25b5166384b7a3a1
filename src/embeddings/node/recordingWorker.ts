/** @file Worker thread of embedRecordings: recordings in, what the network sees of their windows out. */
import { workerData } from 'node:worker_threads';
import { serveTasks } from '../../parallel/index.ts';
import { type WindowInputs, windowInputs } from '../embedder.ts';
import {
  type OpenedRecording,
  openRecording,
  type RecordingSettings,
  type RecordingTask,
} from './recordingTask.ts';

const settings = workerData as RecordingSettings;

serveTasks<RecordingTask, OpenedRecording | WindowInputs>(async (task) => {
  if (task.kind === 'open') {
    const result = await openRecording(task.sound, settings);
    const { windows, samples } = result;
    const buffers = samples === null ? [windows.inputs.buffer] : [windows.inputs.buffer, samples.buffer];
    return { result, transfer: buffers as ArrayBuffer[] };
  }
  const result = windowInputs(task.stretch, task.first, task.last, settings.spec);
  return { result, transfer: [result.inputs.buffer as ArrayBuffer] };
});
