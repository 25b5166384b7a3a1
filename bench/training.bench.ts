/**
 * @file Training steps beside PyTorch, in alternating rounds of one run, with the peak memory of both:
 * `npx tsx bench/training.bench.ts [CASE…]`. ROUNDS and SECONDS (length of a round) vary it.
 * Needs /usr/bin/python3 (or the one that PYTHON names) with torchvision.
 */
import { median, Rival } from './rival.ts';
import { stepCases } from './stepCases.ts';

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(stepCases);
const rounds = Number(process.env['ROUNDS'] ?? 7);
const roundSeconds = Number(process.env['SECONDS'] ?? 3);

console.log('rival: PyTorch, 2 threads, OPENBLAS_CORETYPE=SkylakeX, malloc keeps its memory');
for (const name of names) {
  const { batch } = stepCases[name]!();
  const ours = Rival.own('stepRunner.ts', [name]);
  const theirs = Rival.python('step_pytorch.py', [name]);
  await Promise.all([ours.answer(), theirs.answer()]);
  const steps = new Map<Rival, number>();
  for (const side of [ours, theirs]) {
    await side.ask('train 2');
    const one = (await side.ask('train 2')) / 2;
    steps.set(side, Math.max(1, Math.round(roundSeconds / one)));
  }
  const speed = async (side: Rival) =>
    (batch * steps.get(side)!) / (await side.ask(`train ${steps.get(side)}`));
  const own: number[] = [];
  const other: number[] = [];
  for (let r = 0; r < rounds; r++) {
    // Who goes first changes every round.
    if (r % 2 === 0) own.push(await speed(ours));
    other.push(await speed(theirs));
    if (r % 2 === 1) own.push(await speed(ours));
  }
  const ratios = own.map((v, i) => v / other[i]!);
  const memory = [await ours.ask('memory'), await theirs.ask('memory')] as const;
  console.log(
    `${name.padEnd(22)} Earshot ${median(own).toFixed(2)}, PyTorch ${median(other).toFixed(2)} items/s; ` +
      `ratio ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}, ${rounds} rounds); ` +
      `peak memory ${memory[0].toFixed(0)} and ${memory[1].toFixed(0)} MiB`,
  );
  ours.end();
  theirs.end();
}
