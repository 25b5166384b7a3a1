import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { frontEndNames } from '../../src/features/index.ts';
import type { ParityOutcome } from '../../src/workflows/index.ts';
import { earshot, root, workFolder } from './earshot.ts';

describe('earshot parity', () => {
  it('compares both forms of every named front end', async () => {
    const { code, stdout } = await earshot(['parity', '--json', '--quiet', '--threads', '1']);
    expect(code).toBe(0);
    const { passed, rows, device } = JSON.parse(stdout) as ParityOutcome;
    expect([passed, device]).toEqual([true, 'cpu']);
    for (const name of frontEndNames) {
      const forms = rows.filter((row) => row.name === name).map((row) => row.form);
      expect(new Set(forms), name).toEqual(new Set(['function', 'nodes']));
    }
    for (const { name, form, absolute, relative, loud } of rows) {
      expect(relative).toBeLessThan(5e-6);
      const exact = form === 'function' || !['log-mel', 'yamnet'].includes(name);
      expect(exact ? absolute : loud, `${name} as ${form}`).toBeLessThan(exact ? 3e-5 : 2e-3);
    }
    // Not the same numbers twice: the nodes are another computation.
    expect(rows.filter((row) => row.form === 'nodes').every((row) => row.relative > 0)).toBe(true);
  });

  it('prints name, version, errors, tolerance and verdict', async () => {
    const { code, stdout, stderr } = await earshot(['parity', '--quiet', '--threads', '1']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /openl3-mel256-kapre-0\.1 +│ +1 │ +256 │ function │ .*absolute 3e-5, relative 5e-6 │ pass/,
    );
    expect(stdout).toMatch(/yamnet +│ +1 │ +64 │ nodes +│/);
    expect(stdout).toMatch(/All \d+ within tolerance\.\n$/);
  });

  it('ends with exit code 1 and names what is off, where a golden vector disagrees', () => {
    const copy = workFolder();
    for (const part of ['bin', 'dist', 'package.json'])
      cpSync(join(root, part), join(copy, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const program = join(copy, 'dist/program');
    const golden = /(?<=name: "yamnet",[\s\S]{0,300}?\bmean: -)(?=\d)/;
    const file = readdirSync(program)
      .map((name) => join(program, name))
      .find((path) => golden.test(readFileSync(path, 'utf8')))!;
    writeFileSync(file, readFileSync(file, 'utf8').replace(golden, '1'));
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(copy, 'bin/earshot.js'), 'parity', '--quiet', '--threads', '1'],
      { encoding: 'utf8' },
    );
    expect(stdout).toMatch(/\n1 of \d+ outside tolerance: yamnet \(function\)\.\n$/);
    expect(stdout).toContain('FAIL');
    expect(status).toBe(1);
  });
});
