import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expected, tinyClap, tinyLabels, tinySound, writeFloatWav } from '../support/clap.ts';
import { earshot, workFolder } from './earshot.ts';
import { write } from './sounds.ts';

const labels = ['--labels', tinyLabels.join(', ')];
const weights = ['--weights', tinyClap];

function sounds(folder: string): string {
  for (const name of ['chirp', 'noise']) writeFloatWav(join(folder, `${name}.wav`), tinySound(name));
  return folder;
}

describe('earshot zero-shot', () => {
  it('prints labels with probabilities and similarities, goes on after a bad file, and bakes', async () => {
    const cwd = sounds(workFolder());
    write(join(cwd, 'bad.wav'), 'no sound');
    const words = ['zero-shot', 'chirp.wav', 'bad.wav', 'noise.wav', ...labels, ...weights];
    const text = await earshot([...words, '--top', '1', '--timeline'], { cwd });
    expect(text.code).toBe(0);
    const [chirp] = expected.probabilities;
    const best = chirp!.indexOf(Math.max(...chirp!));
    const score = `${tinyLabels[best]} ${chirp![best].toFixed(3)} (${expected.cosine[0][best].toFixed(3)})`;
    expect(text.stdout.split('\n')[0]).toBe(`chirp.wav  ${score}`);
    expect(text.stdout.split('\n')[1]).toMatch(/0:00.*–.*0:02.*engine idling/);
    expect(text.stderr).toContain('Not heard: bad.wav');
    expect(text.stderr).toContain('1 of 3 files could not be heard.');
    expect(text.stderr).toContain('--logit-scale sets it');

    const json = await earshot([...words, '--json', '--logit-scale', '20', '--quiet'], { cwd });
    const told = JSON.parse(json.stdout);
    expect(told).toMatchObject({ logitScale: 20, logitScaleKnown: true, failures: [{ file: 'bad.wav' }] });
    expect(told.files.map(({ file }: { file: string }) => file)).toEqual(['chirp.wav', 'noise.wav']);
    expect(told.labels[0]).toEqual({ label: 'dog bark', prompts: ['This is a sound of dog bark.'] });
    expect(json.stderr).not.toContain('--logit-scale');

    const bake = await earshot(['zero-shot', 'bake', ...labels, ...weights, '-o', 'baked.onnx'], { cwd });
    expect(bake).toMatchObject({ code: 0 });
    expect(bake.stdout).toContain('Labels:  dog bark, siren, engine idling');
    expect(readFileSync(join(cwd, 'baked.onnx')).length).toBeGreaterThan(10_000);
    const classified = await earshot(['classify', 'baked.onnx', 'chirp.wav', '--top', '1', '--json'], {
      cwd,
    });
    const [top] = JSON.parse(classified.stdout).files[0].top;
    expect(top.label).toBe(tinyLabels[best]);
    expect(top.probability).toBeCloseTo(chirp![best], 4);
  });

  it('says what lacks: labels, weights, a place in the template', async () => {
    const cwd = sounds(workFolder());
    const none = await earshot(['zero-shot', 'chirp.wav'], { cwd });
    expect(none).toMatchObject({ code: 2 });
    expect(none.stderr).toContain('No label was given.');
    const unfetched = await earshot(['zero-shot', 'chirp.wav', ...labels], { cwd });
    expect(unfetched).toMatchObject({ code: 1 });
    expect(unfetched.stderr).toContain('earshot models pull clap-htsat-unfused');
    const template = await earshot(
      ['zero-shot', 'chirp.wav', ...labels, ...weights, '--template', 'a sound'],
      { cwd },
    );
    expect(template.stderr).toContain('has no place for the label');
    const crop = await earshot(['zero-shot', 'chirp.wav', ...labels, '--crop', 'middle'], { cwd });
    expect(crop).toMatchObject({ code: 2 });
    const all = await earshot(['zero-shot', 'missing.wav', ...labels, ...weights], { cwd });
    expect(all).toMatchObject({ code: 1, stdout: '' });
  });
});
