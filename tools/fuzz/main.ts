/**
 * @file `npm run fuzz -- TARGET… --seconds N --seed S --executions N`: damaged and hostile input to every reader. What it
 * finds is made small and kept in test/fixtures/crashers/TARGET, which the tests replay. Exit code 1 where it found
 * something.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CampaignResult, runCampaign } from './campaign.ts';
import { targetByName, targets } from './targets.ts';

const usage = `Usage: npm run fuzz -- [TARGET…] [--seconds N] [--seed S] [--executions N] [--jobs N] [--save FOLDER] [--json]

  TARGET         a reader, or a kind of them; default all: ${targets.map(({ name }) => name).join(', ')}
  --seconds N    for each target (default 10)
  --executions N for each target at most
  --jobs N       targets at the same time (default 1)
  --seed S       the same seed gives the same inputs (default 1)
  --save FOLDER  where inputs that show a defect are kept (default test/fixtures/crashers)`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '10' },
    executions: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    save: { type: 'string', default: 'test/fixtures/crashers' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const options = {
  seconds: Number(values.seconds),
  executions: Number(values.executions),
  seed: Number(values.seed),
};
if (!(options.seconds > 0 && options.executions > 0 && Number.isSafeInteger(options.seed))) {
  console.error(usage);
  process.exit(2);
}
const names =
  positionals.length === 0
    ? targets.map(({ name }) => name)
    : positionals.flatMap((word) => {
        const kind = targets.filter((target) => target.kind === word).map(({ name }) => name);
        return kind.length > 0 ? kind : [targetByName(word).name];
      });

let defects = 0;
const waiting = [...names];
await Promise.all(
  Array.from({ length: Math.max(1, Math.floor(Number(values.jobs))) }, async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const result = await runCampaign(name, options);
      defects += result.defects;
      tell(result);
      for (const { bytes } of result.findings) keep(name, bytes);
    }
  }),
);
process.exitCode = defects > 0 ? 1 : 0;

function tell(result: CampaignResult): void {
  if (!values.json) {
    print(result);
    return;
  }
  const { findings, ...figures } = result;
  const found = findings.map(({ defect }) => defect.signature);
  console.log(JSON.stringify({ ...figures, seed: options.seed, found }));
}

function print(result: CampaignResult): void {
  const { target, executions, seconds, accepted, refused, findings } = result;
  const rate = Math.round(executions / seconds);
  console.log(
    `${target.padEnd(20)} ${String(executions).padStart(9)} executions, ${rate}/s: ${accepted} read, ${refused} refused, ${result.defects} defects`,
  );
  for (const { defect, execution, bytes } of findings)
    console.log(`  ${defect.kind} at execution ${execution}, ${bytes.length} bytes: ${defect.signature}`);
}

function keep(target: string, bytes: Uint8Array): void {
  const folder = join(values.save, target);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}.bin`), bytes);
}
