/**
 * @file Training steps beside PyTorch, in alternating rounds of one run, with the peak memory of both:
 * `npx tsx bench/training.bench.ts [CASE…]`. ROUNDS and SECONDS (length of a round) vary it.
 * Needs /usr/bin/python3 (or the one that PYTHON names) with torchvision.
 */
import { compare, comparisonText, fairEnvironment, Rival } from './rival.ts';
import { stepCases, trainingCases } from './stepCases.ts';

const names = process.argv.length > 2 ? process.argv.slice(2) : trainingCases;
const rounds = Number(process.env['ROUNDS'] ?? 7);
const roundSeconds = Number(process.env['SECONDS'] ?? 3);

console.log(
  `rival: PyTorch, 2 threads, OPENBLAS_CORETYPE=${fairEnvironment.OPENBLAS_CORETYPE}, malloc keeps its memory`,
);
for (const name of names) {
  const { batch } = stepCases[name]();
  const ours = Rival.own('stepRunner.ts', [name]);
  const theirs = Rival.python('step_pytorch.py', [name]);
  await Promise.all([ours.answer(), theirs.answer()]);
  const comparison = await compare(ours, theirs, 'train', { items: batch, rounds, seconds: roundSeconds });
  const memory = [await ours.ask('memory'), await theirs.ask('memory')] as const;
  console.log(
    `${name.padEnd(22)} ${comparisonText(comparison)}; ` +
      `peak memory ${memory[0].toFixed(0)} and ${memory[1].toFixed(0)} MiB`,
  );
  ours.end();
  theirs.end();
}
