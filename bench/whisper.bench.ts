/**
 * @file Whisper-tiny beside PyTorch, in alternating rounds of one run: the fine-tuning step (4 s clips in their own context,
 * batch 8; the full context of 30 s, batch 2; everything trained) and inference (the same and one clip):
 * `npx tsx bench/whisper.bench.ts [train|forward [CASE…]]`. ROUNDS and SECONDS (length of a round) vary it.
 * Needs /usr/bin/python3 (or the one that PYTHON names) with torchvision.
 */
import { compare, comparisonText, fairEnvironment, Rival } from './rival.ts';
import { stepCases } from './stepCases.ts';

const [only, ...chosen] = process.argv.slice(2);
const rounds = Number(process.env['ROUNDS'] ?? 7);
const seconds = Number(process.env['SECONDS'] ?? 3);
const cases = {
  train: ['whisper-tiny', 'whisper-tiny-full'],
  forward: ['whisper-tiny', 'whisper-tiny-full', 'whisper-tiny-one'],
} as const;

console.log(
  `rival: PyTorch, 2 threads, OPENBLAS_CORETYPE=${fairEnvironment.OPENBLAS_CORETYPE}, malloc keeps its memory; its fastest form`,
);
for (const what of ['train', 'forward'] as const) {
  if (only !== undefined && only !== what) continue;
  for (const name of chosen.length > 0 ? chosen : cases[what]) {
    const { batch } = stepCases[name]();
    const ours = Rival.own('stepRunner.ts', [name]);
    const theirs = Rival.python('step_pytorch.py', [name]);
    await Promise.all([ours.answer(), theirs.answer()]);
    const comparison = await compare(ours, theirs, what, { items: batch, rounds, seconds });
    console.log(`${what.padEnd(8)} ${name.padEnd(18)} ${comparisonText(comparison)}`);
    ours.end();
    theirs.end();
  }
}
