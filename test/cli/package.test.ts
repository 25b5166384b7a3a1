import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { earshot, root, workFolder } from './earshot.ts';
import { classFolders, sound, wav, write } from './sounds.ts';

const run = promisify(execFile);
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | Record<string, unknown>>;
};

function targets(entry: unknown): string[] {
  return typeof entry === 'string' ? [entry] : Object.values(entry as object).flatMap(targets);
}

describe('the package', () => {
  it('exports only files that are there', () => {
    const all = Object.values(exports).flatMap(targets);
    expect(all.length).toBeGreaterThan(30);
    expect(all.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it('has a lockfile that names every optional package, or npm ci refuses it', () => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const wanted = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).map((name) => ({ path, name })),
    );
    expect(wanted.length).toBeGreaterThan(50);
    const absent = wanted.filter(({ path, name }) => {
      // Looked for as Node does: beside the one that wants it, then further up.
      const places = path
        .split('/node_modules/')
        .map((_, i, parts) => parts.slice(0, i + 1).join('/node_modules/'));
      return !['', ...places.map((place) => `${place}/`)].some(
        (place) => packages[`${place}node_modules/${name}`],
      );
    });
    expect(absent).toEqual([]);
  });

  it('can be imported by its own name, module by module', async () => {
    const names = Object.keys(exports).filter((name) => !name.endsWith('.json'));
    const code = `for (const name of ${JSON.stringify(names)}) {
      const exported = Object.keys(await import('earshot' + name.slice(1)));
      console.log(name, exported.length > 0);
    }`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { cwd: root });
    expect(stdout.trim().split('\n')).toEqual(names.map((name) => `${name} true`));
  });
});

describe('the examples', () => {
  const tsx = createRequire(import.meta.url).resolve('tsx/cli');

  it('features.ts reads a recording', async () => {
    const file = write(join(workFolder(), 'a.wav'), wav(sound('tone', 4)));
    const { stdout } = await run(process.execPath, [tsx, join(root, 'examples/features.ts'), file]);
    expect(stdout).toMatch(/^log-mel: 64 bands × 22 frames\n/);
  });

  it('train.ts trains, and bare ONNX Runtime gives the probabilities of earshot classify', async () => {
    const cwd = workFolder();
    classFolders(join(cwd, 'set'), 6);
    const trained = await run(process.execPath, [tsx, join(root, 'examples/train.ts'), 'set', 'run', '2'], {
      cwd,
      env: { ...process.env, EARSHOT_CACHE: join(cwd, 'cache') },
    });
    expect(trained.stdout).toMatch(/^accuracy \d\.\d{3}, 95 % interval/);
    const example = join(root, 'examples/classify-with-onnxruntime.mjs');
    // The first is shorter than the window: the model itself fills it.
    for (const seconds of [0.2, 0.5]) {
      const file = write(join(cwd, `${seconds}.wav`), wav(sound('noise', 50, seconds), 22050));
      const bare = await run(process.execPath, [example, 'run/model.onnx', file], { cwd });
      const ours = await earshot(['classify', 'run/model.onnx', file, '--json', '--quiet'], { cwd });
      const [first] = JSON.parse(ours.stdout).files[0].top;
      const [label, probability] = bare.stdout.split('\n')[0].split(' ');
      expect(label).toBe(first.label);
      expect(Math.abs(Number(probability) - first.probability)).toBeLessThan(1e-5);
    }
    const wrongRate = write(join(cwd, 'rate.wav'), wav(sound('noise', 51)));
    await expect(
      run(process.execPath, [example, 'run/model.onnx', wrongRate], { cwd }),
    ).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the model takes 22050 Hz'),
    });
  });
});
