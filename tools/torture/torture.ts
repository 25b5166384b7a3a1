/**
 * @file `npm run torture -- [COMMAND…] [--rounds N] [--seed S] [--scenario NAME] [--json]`: stops, disturbs and starves the
 * command line, resumes it until it is done, and compares what it leaves with an undisturbed run, byte for byte but for
 * clock times. Prints a table; exits with 1 when anything was wrong. Linux; some scenarios need root (they mount a small
 * disk) and are skipped without.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../../src/core/random.ts';
import { writeDemo } from '../../src/datasets/index.ts';
import { tortureCommands } from './commands.ts';
import { runEarshot } from './processes.ts';
import * as scenarios from './scenarios.ts';
import { startServer } from './server.ts';

const table: Readonly<Record<string, scenarios.Scenario>> = {
  kill: scenarios.killed,
  signal: scenarios.interrupted,
  contest: scenarios.contested,
  cache: scenarios.damagedCache,
  disk: scenarios.fullDisk,
  pipe: scenarios.brokenPipe,
  'read-only': scenarios.readOnly,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '0' },
    scenario: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const seed = Number(values.seed);
const chosen = values.scenario ?? Object.keys(table);

const work = mkdtempSync(join(tmpdir(), 'earshot-torture-'));
const data = join(work, 'data');
const server = await startServer(seed);
const results: { command: string; scenario: string; rounds: number; wrong: string[] }[] = [];
try {
  const known = tortureCommands(server.address);
  const unknown = [
    ...positionals.filter((name) => !known.some((command) => command.name === name)),
    ...chosen.filter((name) => !(name in table)),
  ];
  if (unknown.length > 0) {
    console.error(
      `There is no ${unknown.join(', ')}. Commands: ${known.map(({ name }) => name).join(', ')}. Scenarios: ${Object.keys(table).join(', ')}.`,
    );
    process.exit(2);
  }
  mkdirSync(data);
  await writeDemo(join(data, 'demo'), {
    recordingsPerClass: 4,
    slicesPerRecording: 1,
    seconds: 1,
    sampleRate: 8000,
  });
  const trained = await runEarshot(
    ['train', 'demo', '--approach', 'cnn', '--epochs', '1', '--test-folds', '4', '--out', 'cnn', '--quiet'],
    { cwd: data },
  );
  if (trained.code !== 0) throw new Error(`The artefact could not be trained: ${trained.stderr}`);
  rmSync(join(data, '.earshot'), { recursive: true, force: true });

  for (const command of known.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
    server.hostile = false;
    const bench = await scenarios.undisturbed(command, join(work, 'cwd'), data);
    server.hostile = true;
    for (const scenario of chosen) {
      const wrong: string[] = [];
      // What happens once per round is random only in these.
      const count = ['kill', 'signal', 'contest', 'cache', 'disk'].includes(scenario) ? rounds : 1;
      for (let round = 0; round < count; round++) {
        const random = new Random(`${seed}/${command.name}/${scenario}/${round}`);
        server.hostile = scenario === 'kill' || scenario === 'contest';
        const found = await table[scenario](bench, random);
        wrong.push(...found.map((text) => `round ${round}: ${text}`));
      }
      results.push({ command: command.name, scenario, rounds: count, wrong });
      if (!values.json) {
        console.log(
          `${command.name.padEnd(14)} ${scenario.padEnd(10)} ${String(count).padStart(4)} rounds, ${wrong.length} wrong`,
        );
        for (const text of wrong) console.log(`    ${text}`);
      }
    }
  }
} finally {
  await server.close();
  rmSync(work, { recursive: true, force: true });
}
const wrong = results.reduce((sum, result) => sum + result.wrong.length, 0);
if (values.json) console.log(JSON.stringify({ seed, results }, null, 2));
else console.log(wrong === 0 ? 'Nothing was wrong.' : `${wrong} things were wrong.`);
process.exitCode = wrong === 0 ? 0 : 1;
