import { describe, expect, it } from 'vitest';
import { float32, RuntimeError } from '../../src/core/index.ts';
import { GraphBuilder } from '../../src/onnx/index.ts';
import { type Device, noDeviceError, searchDevice } from '../../src/runtime/device.ts';
import { type DeviceChoice, Engine, resolveDevice } from '../../src/runtime/index.ts';

/** Starts only some devices; the others fail as ONNX Runtime's providers do. */
function starter(working: readonly Device[]) {
  const tried: Device[] = [];
  return {
    tried,
    start: async (device: Device) => {
      tried.push(device);
      if (!working.includes(device)) throw new Error(`${device} failed\n`);
    },
  };
}

describe('searchDevice', () => {
  it('takes the first of cuda, webgpu and cpu that is listed and starts', async () => {
    const all = ['cpu', 'webgpu', 'cuda', 'tensorrt'];
    for (const [listed, working, device, tried] of [
      [all, ['cuda', 'webgpu', 'cpu'], 'cuda', ['cuda']],
      [all, ['webgpu', 'cpu'], 'webgpu', ['cuda', 'webgpu']],
      [all, ['cpu'], 'cpu', ['cuda', 'webgpu', 'cpu']],
      [['cpu', 'webgpu'], ['cuda', 'webgpu', 'cpu'], 'webgpu', ['webgpu']],
      [['cpu'], ['cuda', 'webgpu', 'cpu'], 'cpu', ['cpu']],
    ] as const) {
      const devices = starter(working);
      expect((await searchDevice('auto', listed, devices.start)).device).toBe(device);
      expect(devices.tried).toEqual(tried);
    }
  });

  it('tries nothing but the device that was asked for, and says why it is not there', async () => {
    const devices = starter(['webgpu', 'cpu']);
    expect(await searchDevice('cuda', ['cpu', 'webgpu', 'cuda'], devices.start)).toEqual({
      device: null,
      failures: { cuda: 'cuda failed' },
    });
    expect(devices.tried).toEqual(['cuda']);
    const missing = await searchDevice('cuda', ['cpu'], devices.start);
    expect(missing).toEqual({
      device: null,
      failures: { cuda: 'onnxruntime-node has no such backend on this platform' },
    });
    expect(devices.tried).toEqual(['cuda']);
    const error = noDeviceError('cuda', missing, ['webgpu', 'cpu']);
    expect(error).toBeInstanceOf(RuntimeError);
    expect(error.message).toBe(
      "The device 'cuda' cannot be used. cuda: onnxruntime-node has no such backend on this platform.",
    );
    expect(error.hint).toMatch(/CUDA 12.*Available here: webgpu, cpu\.$/);
  });
});

describe('Engine', () => {
  /** 2·x on a device. */
  async function doubled(device: DeviceChoice): Promise<number[]> {
    const engine = new Engine({ threads: 1, device });
    try {
      const g = new GraphBuilder();
      g.output(g.op('Mul', [g.input('x', 'float32', [3]), g.scalar(2)]), 'y');
      const model = await engine.load(g.model());
      const { y } = await engine.run(model, { feeds: { x: float32([3], [1, -2, 4]) }, fetch: ['y'] });
      return Array.from(y!.data as Float32Array);
    } finally {
      await engine.close();
    }
  }

  it('runs on what auto finds', async () => {
    expect(['cuda', 'webgpu', 'cpu']).toContain(await resolveDevice('auto'));
    expect(await doubled('auto')).toEqual([2, -4, 8]);
  });

  it.each(['cuda', 'webgpu'] as const)('runs on %s, or names what there is', async (device) => {
    const result = await doubled(device).catch((error: unknown) => error);
    if (Array.isArray(result)) {
      expect(result).toEqual([2, -4, 8]);
      return;
    }
    expect(result).toBeInstanceOf(RuntimeError);
    expect((result as RuntimeError).message).toMatch(
      new RegExp(`^The device '${device}' cannot be used\\. ${device}: .+\\.$`, 's'),
    );
    expect((result as RuntimeError).hint).toMatch(/Available here: .*cpu\.$/);
  });

  it('refuses a device that has no name here', () => {
    expect(() => new Engine({ device: 'tpu' as DeviceChoice })).toThrow(/cpu, cuda, webgpu, auto/);
  });
});
