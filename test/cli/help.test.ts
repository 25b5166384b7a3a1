import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { approaches, vectorApproaches, whisperShapes } from '../../src/approaches/index.ts';
import { embeddingFormats, poolings } from '../../src/embeddings/index.ts';
import { frontEndNames } from '../../src/features/index.ts';
import { pictureLayouts } from '../../src/networks/index.ts';
import { explanationMethods } from '../../src/workflows/index.ts';
import { earshot, root } from './earshot.ts';

const commands = [
  ...[
    'demo',
    'data inspect',
    'spectrogram',
    'train',
    'compare',
    'evaluate',
    'classify',
    'gradient',
    'parity',
    'models pull',
  ],
  ...['embed', 'index', 'similar', 'explain', 'hypotheses'],
];

/** The choices that the help of a command lists for an option. */
async function choicesOf(option: string, command = 'train'): Promise<string[] | undefined> {
  const { stdout } = await earshot([command, '--help']);
  const text = stdout.replace(/\s+/g, ' ');
  const listed = /\(choices: ([^)]*)\)/.exec(text.slice(text.indexOf(option)))?.[1];
  return listed?.split(', ').map((name) => JSON.parse(name));
}

describe('help', () => {
  it.each(commands)('of %s goes to stdout with examples that use the command', async (command) => {
    const { code, stdout, stderr } = await earshot([...command.split(' '), '--help']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: earshot ${command}`);
    const examples = stdout.slice(stdout.indexOf('Examples:')).split('\n').slice(1);
    expect(examples.filter((line) => line.includes(`earshot ${command}`)).length).toBeGreaterThanOrEqual(2);
    expect(stdout).toContain('--json');
  });

  it('of the program lists every command and the exit codes', async () => {
    const { code, stdout } = await earshot(['--help']);
    expect(code).toBe(0);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command.split(' ')[0]}\\b`, 'm'));
    expect(stdout).toContain('Exit codes: 0 success, 1 failure, 2 wrong usage');
  });

  it('names exactly the approaches of the library', async () => {
    expect(await choicesOf('--approach <name>')).toEqual(
      [...approaches, ...vectorApproaches].map(({ name }) => name),
    );
  });

  it('names exactly the front ends and picture layouts of the library', async () => {
    expect(await choicesOf('--front-end <name>')).toEqual(frontEndNames);
    expect(await choicesOf('--picture-layout <order>')).toEqual(pictureLayouts);
  });

  it('names exactly the sizes of Whisper’s encoder', async () => {
    expect(await choicesOf('--whisper-size <name>')).toEqual(Object.keys(whisperShapes));
  });

  it('names exactly the poolings and formats of the library', async () => {
    expect(await choicesOf('--pooling <kind>', 'index')).toEqual(['windows', ...poolings]);
    expect(await choicesOf('--format <name>', 'embed')).toEqual(embeddingFormats);
  });

  it('names exactly the methods of explanation of the library', async () => {
    expect((await choicesOf('--method <name>', 'explain'))?.sort()).toEqual([...explanationMethods].sort());
  });

  it('prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(await earshot(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('has no colour where there is no terminal', async () => {
    const { stderr } = await earshot(['trian'], { env: { TERM: 'xterm-256color' } });
    expect(stderr).toContain('Error:');
    expect(stderr).not.toContain('\u001b');
  });
});
