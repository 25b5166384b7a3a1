/** @file Random operators are one list, and other domains keep their version. */
import { describe, expect, it } from 'vitest';
import { float32 } from '../../src/core/index.ts';
import {
  type Attribute,
  decodeModel,
  encodeModel,
  GraphBuilder,
  importGraph,
  isImpure,
  randomOperators,
  replayGraph,
} from '../../src/onnx/index.ts';
import { int, ints, madeModel, node } from './madeModel.ts';

describe('operators that draw random numbers', () => {
  it.each([...randomOperators])('two equal %s nodes stay two', (opType) => {
    const shaped = opType === 'RandomNormal' || opType === 'RandomUniform';
    const inputs = shaped ? [] : ['x'];
    const attributes: Record<string, Attribute> = shaped ? { shape: ints(2, 3) } : {};
    const model = madeModel({
      nodes: [
        node(opType, inputs, ['a'], attributes, 'one'),
        node(opType, inputs, ['b'], attributes, 'two'),
        node('Cast', ['a'], ['c'], { to: int(1) }),
        node('Cast', ['b'], ['d'], { to: int(1) }),
        node('Sub', ['c', 'd'], ['y']),
      ],
      initializers: { x: float32([2, 3], [0.2, 0.4, 0.6, 0.5, 0.3, 0.1]) },
      outputs: { y: 'float32' },
    });
    const count = importGraph(model)
      .model()
      .graph.nodes.filter((n) => n.opType === opType).length;
    expect(count).toBe(2);
  });

  it('an operator of an unknown domain may be one of them, whatever its name', () => {
    const attributes = {};
    expect(isImpure({ domain: 'my.domain', opType: 'Relu', attributes })).toBe(true);
    expect(isImpure({ domain: '', opType: 'Relu', attributes })).toBe(false);
    expect(isImpure({ domain: 'com.microsoft', opType: 'FusedMatMul', attributes })).toBe(false);
    expect(isImpure({ domain: 'com.microsoft', opType: 'BitmaskDropout', attributes })).toBe(true);
  });
});

describe('domains beside the standard one', () => {
  const scaler = { ...node('Scaler', ['x'], ['y']), domain: 'ai.onnx.ml' };
  const model = madeModel({
    nodes: [scaler],
    inputs: { x: ['float32', [2, 3]] },
    outputs: { y: 'float32' },
  });
  model.opsets.set('ai.onnx.ml', 3);
  model.graph.valueInfo.set('y', { name: 'y', dtype: 'float32', shape: [2, 3] });

  it('keep their version through import, writing and replaying', () => {
    const imported = importGraph(model);
    expect(decodeModel(encodeModel(imported.model())).opsets.get('ai.onnx.ml')).toBe(3);
    const other = new GraphBuilder();
    const replayed = replayGraph(imported, 'y', other, other.input('a', 'float32', [2, 3]), { what: 'It' });
    other.output(replayed, 'z');
    expect(other.model().opsets.get('ai.onnx.ml')).toBe(3);
    expect(() => other.declareDomains([['ai.onnx.ml', 2]])).toThrow(/in version 3 and in version 2/);
  });
});
