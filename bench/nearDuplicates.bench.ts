/**
 * @file What thresholds of `data inspect --near-duplicates` find and miss, on UrbanSound8K:
 * `npx tsx bench/nearDuplicates.bench.ts INDEX`.
 * Slices of one sound follow each other every two seconds (their numbers stand last in the file's name) and are four
 * seconds long: neighbours hold the same two seconds. Slices of different recordings hold different sounds, but for the
 * few leaks that there are. PAIRS sets how many neighbours are looked at.
 */
import { Random } from '../src/core/index.ts';
import { alikePairs, readIndex } from '../src/embeddings/index.ts';
import { matchSounds } from '../src/embeddings/node/matchTask.ts';
import { Engine } from '../src/runtime/index.ts';

const [folder] = process.argv.slice(2) as [string];
const most = Number(process.env['PAIRS'] ?? 400);
const { info, matrix } = await readIndex(folder);
const groups = info.clips.map(({ group }) => group);

/** The sound that a slice was cut from, and its place there. */
const slices = info.clips.map(({ id, seconds }) => {
  const [, sound, number] = /([^/]*-\d+-\d+)-(\d+)\.\w+$/.exec(id)!;
  return { sound: sound!, number: Number(number), whole: seconds > 3.9 };
});

function neighbours(a: number, b: number): boolean {
  const [p, q] = [slices[a], slices[b]];
  return p.sound === q.sound && Math.abs(p.number - q.number) === 1 && p.whole && q.whole;
}

const engine = new Engine();
const pairsWith = (threshold: number, apart: (a: number, b: number) => boolean) =>
  alikePairs(info.clips, matrix, info.size, engine, { threshold, apart });

const overlapping = new Random(1).shuffle(await pairsWith(0.01, neighbours)).slice(0, most);
const strangers = await pairsWith(0.9, (a, b) => groups[a] !== groups[b]);
await engine.close();

async function correlations(pairs: readonly { a: number; b: number; times: readonly [number, number] }[]) {
  const found: number[] = [];
  for (const { a, b, times } of pairs) {
    const sounds = [info.clips[a], info.clips[b]] as const;
    found.push((await matchSounds({ sounds, times })).correlation);
  }
  return found;
}

const share = (values: readonly number[], least: number) =>
  values.filter((value) => value >= least).length / values.length;
const overlapMatches = await correlations(overlapping);
console.log(`${overlapping.length} pairs of neighbouring slices, which share two seconds`);
for (const least of [0.3, 0.4, 0.5, 0.6, 0.7])
  console.log(`  correlation of ${least} or more: ${(100 * share(overlapMatches, least)).toFixed(1)} %`);
for (const least of [0.9, 0.93, 0.95, 0.97, 0.98]) {
  const alike = strangers.filter(({ similarity }) => similarity >= least);
  const both = overlapping.filter(({ similarity }, i) => similarity >= least && overlapMatches[i] >= 0.5);
  const cosines = overlapping.map(({ similarity }) => similarity);
  console.log(
    `  cosine of ${least} or more: ${(100 * share(cosines, least)).toFixed(1)} %, and a correlation of 0.5: ` +
      `${((100 * both.length) / overlapping.length).toFixed(1)} %; pairs of slices of different recordings: ${alike.length}`,
  );
}
const chosen = new Random(2)
  .shuffle(strangers.filter(({ similarity }) => similarity >= 0.95))
  .slice(0, 2 * most);
const strangeMatches = await correlations(chosen);
console.log(`${chosen.length} pairs of slices of different recordings with a cosine of 0.95 or more`);
for (const least of [0.2, 0.3, 0.4, 0.5, 0.6])
  console.log(
    `  correlation of ${least} or more: ${strangeMatches.filter((value) => value >= least).length}`,
  );
