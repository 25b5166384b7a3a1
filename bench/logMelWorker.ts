/** @file One of the two threads of bench/logMel.bench.ts: log-mel of its clips, again at every message. */
import { parentPort, workerData } from 'node:worker_threads';
import { logMel, logMelSpec } from '../src/features/index.ts';

const { clips } = workerData as { clips: Float32Array[] };
const spec = logMelSpec({ sampleRate: 22050, nFft: 2048, hopLength: 512, nMels: 128 });

parentPort!.on('message', (repeats: number) => {
  let sum = 0;
  for (let r = 0; r < repeats; r++) for (const clip of clips) sum += logMel(clip, spec).data[0];
  parentPort!.postMessage(sum);
});
