/**
 * Trains, tests and uses a classifier from a program.
 *
 *   npm run build && npx tsx examples/train.ts [DATASET] [OUT] [EPOCHS]
 *
 * DATASET is a folder as `earshot train` takes it; without one, the built-in synthetic set.
 */
import { CancelledError, classify, type TrainOutcome, train } from 'earshot';
import { openDataset } from 'earshot/datasets';
import { classScores } from 'earshot/evaluation';

const [dataset = 'demo', out = 'runs/example', epochs = '10'] = process.argv.slice(2);

// Ctrl-C stops the work at the next step; called again with `resume: true`, it goes on.
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

let outcome: TrainOutcome;
try {
  outcome = await train({
    dataset,
    approach: 'cnn',
    out,
    seed: 1,
    overrides: { epochs: Number(epochs) },
    command: `npx tsx examples/train.ts ${dataset} ${out} ${epochs}`,
    signal: stop.signal,
    onProgress: ({ task, done, total, detail = '' }) => {
      if (done === total) console.error(`${task}: ${done}/${total} ${detail}`);
    },
  });
} catch (error) {
  if (!(error instanceof CancelledError)) throw error;
  console.error(`${error.message} Set resume: true to go on.`);
  process.exit(130);
}

const { evaluation, models, failures, synthetic } = outcome;
if (synthetic) console.log('Synthetic sound: these numbers say nothing about real recordings.');
const { low, high } = evaluation.intervals.accuracy;
console.log(
  `accuracy ${evaluation.accuracy.toFixed(3)}, 95 % interval ${low?.toFixed(3)} to ${high?.toFixed(3)}`,
);
const hardest = classScores(evaluation).toSorted((a, b) => a.scores['f1-score'] - b.scores['f1-score'])[0];
console.log(`hardest class: ${hardest.name}, F1 ${hardest.scores['f1-score'].toFixed(3)}`);
for (const { subject, message } of failures) console.log(`not used: ${subject}: ${message}`);

// The artefact is one file, and classifies any recording.
if (dataset !== 'demo') {
  const { clips } = await openDataset(dataset);
  const tested = new Set(outcome.predictions.rows.slice(0, 3).map(({ clip }) => clip));
  const paths = clips.filter(({ id }) => tested.has(id)).map(({ path }) => path);
  for await (const event of classify({ model: models[0], paths })) {
    if (event.ok) console.log(`${event.result.file}: ${event.result.top[0].label}`);
    else console.log(`${event.file}: ${event.message}`);
  }
}
