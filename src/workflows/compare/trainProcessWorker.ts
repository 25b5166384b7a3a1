/** @file The process of one training of a comparison. */
import type { ProgressEvent } from '../../core/index.ts';
import { serveProcess } from '../../parallel/index.ts';
import type { WorkflowHooks } from '../hooks.ts';
import { type TrainOptions, train } from '../train.ts';

/** A training without what cannot be sent to a process. */
export type TrainTask = Omit<TrainOptions, 'signal' | 'onProgress' | 'onNotice'>;

/** Milliseconds between two events of one task: a step may take one. */
const tellEvery = 200;

serveProcess<TrainTask, null, ProgressEvent>(async (task, { signal, tell }) => {
  let told = 0;
  let last = '';
  const onProgress: WorkflowHooks['onProgress'] = (event) => {
    const now = performance.now();
    if (event.task === last && event.done < event.total && now - told < tellEvery) return;
    told = now;
    last = event.task;
    tell(event);
  };
  await train({ ...task, signal, onProgress });
  return null;
});
