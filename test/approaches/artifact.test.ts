/** @file What an artefact says about itself: read back as it was written, or refused with a reason. */
import { describe, expect, it } from 'vitest';
import { type ArtifactInfo, buildArtifact } from '../../src/approaches/artifact.ts';
import { artifactInfo } from '../../src/approaches/readArtifact.ts';
import { float32, GraphError } from '../../src/core/index.ts';
import { logMelSpec } from '../../src/features/index.ts';
import { decodeModel, encodeModel, type Model } from '../../src/onnx/index.ts';

const frontEnd = logMelSpec({ sampleRate: 8000, nFft: 256, nMels: 16, topDb: null });

/** Means of samples as logits: two classes, an embedding of two numbers. */
const { model, info } = buildArtifact({
  score: (g, waveform) => {
    const mean = g.op('ReduceMean', [waveform, g.ints([1])], { keepdims: 1 });
    const embedding = g.op('MatMul', [mean, g.constant(float32([1, 2], [1, -1]), 'w')]);
    return { probabilities: g.op('Softmax', [embedding], { axis: 1 }), embedding };
  },
  info: {
    approach: 'cnn',
    classes: ['high', 'low'],
    pipeline: { sampleRate: 8000, windowSeconds: 0.5, pad: 'repeat', overlap: 0.5, frontEnd },
    network: 'means',
    weights: 'none',
    trainedOn: { dataset: 'two', synthetic: true, fingerprint: 'f', split: 's' },
    calibration: { temperature: 1.5, clips: 4, groups: 2, scores: { lac: [0.1, 0.2], aps: [0.3] } },
    seed: 1,
    versions: { earshot: '0.1.0' },
  },
});

/** The model with other metadata. */
const saying = (text: string): Model => ({ ...model, metadata: new Map([['earshot', text]]) });
const read = (change: (stored: Record<string, unknown>) => void) => {
  const stored = structuredClone(info) as unknown as Record<string, unknown>;
  change(stored);
  return () => artifactInfo(saying(JSON.stringify(stored)), 'm.onnx');
};

describe('metadata of an artefact', () => {
  it('come back as they were written', () => {
    expect(artifactInfo(decodeModel(encodeModel(model)), 'm.onnx')).toEqual(info);
  });

  it('of before there were several front ends are of log-mel', () => {
    const before = read((stored) => {
      const { kind: _, version: __, ...rest } = (stored['pipeline'] as ArtifactInfo['pipeline']).frontEnd!;
      stored['pipeline'] = { ...info.pipeline, frontEnd: rest };
    })();
    expect(before).toEqual(info);
  });

  it.each(['', 'null', '{x', '[]', '3', '"format"', '{}', '{"format":1}', '{"format":1,"pipeline":null}'])(
    'that are %s are refused as no artefact',
    (text) => {
      expect(() => artifactInfo(saying(text), 'm.onnx')).toThrow(GraphError);
      expect(() => artifactInfo(saying(text), 'm.onnx')).toThrow(/^m\.onnx is not an Earshot artefact: /);
    },
  );

  it('of another format are told apart from damaged ones', () => {
    expect(() => artifactInfo(saying('{"format":2}'), 'm.onnx')).toThrow(
      /an Earshot artefact of format 2; this version of Earshot reads 1/,
    );
  });

  const pipeline = (change: object) => (stored: Record<string, unknown>) => {
    stored['pipeline'] = { ...info.pipeline, ...change };
    Object.assign(stored, change);
  };
  const cases: [what: string, change: (stored: Record<string, unknown>) => void, message: RegExp][] = [
    ['no pipeline', (s) => delete s['pipeline'], /pipeline: /],
    ['classes null', (s) => Object.assign(s, { classes: null }), /classes: /],
    ['an empty class', (s) => Object.assign(s, { classes: ['', 'low'] }), /classes\.0: /],
    ['a class twice', (s) => Object.assign(s, { classes: ['low', 'low'] }), /a class is there twice/],
    [
      'one class for two outputs',
      (s) => Object.assign(s, { classes: ['low'] }),
      /names 1 classes, but 'probabilities'/,
    ],
    ['another embedding', (s) => Object.assign(s, { embeddingSize: 7 }), /embedding of 7 numbers/],
    ['windows a sample apart', pipeline({ overlap: 0.9999999 }), /overlap must lie in \[0, 0\.99\]/],
    ['a negative overlap', pipeline({ overlap: -1 }), /overlap/],
    ['a window without end', pipeline({ windowSeconds: 1e9 }), /windowSeconds/],
    ['another rate than the front end', pipeline({ sampleRate: 16000 }), /8000 Hz/],
    [
      'two answers',
      (s) => Object.assign(s, { overlap: 0.25 }),
      /overlap: it is 0\.25, but pipeline\.overlap is 0\.5/,
    ],
    ['another window', (s) => Object.assign(s, { windowSamples: 5 }), /windowSamples: it is 5/],
    [
      'a front end that takes all memory',
      pipeline({ frontEnd: { ...frontEnd, nMels: 1e9 } }),
      /pipeline\.frontEnd\.nMels/,
    ],
    ['an unknown front end', pipeline({ frontEnd: { ...frontEnd, kind: '__proto__' } }), /frontEnd\.kind/],
    [
      'a temperature of 0',
      (s) => Object.assign(s, { calibration: { ...info.calibration, temperature: 0 } }),
      /temperature/,
    ],
    [
      'a score that is none',
      (s) => Object.assign(s, { calibration: { ...info.calibration, scores: { lac: ['a'], aps: [] } } }),
      /scores\.lac\.0/,
    ],
  ];
  it.each(cases)('with %s are refused', (_, change, message) => {
    expect(read(change)).toThrow(GraphError);
    expect(read(change)).toThrow(message);
  });
});
