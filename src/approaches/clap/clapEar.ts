/** @file The audio side of a CLAP model in use: the front end here, the encoder in an engine. */
import { float32, rowsOf, type Tensor } from '../../core/index.ts';
import { type ClapSpec, clapSpec, clapWindow, frontEndPicture } from '../../features/index.ts';
import type { Engine, LoadedModel } from '../../runtime/index.ts';
import type { ClapModel } from './clapModel.ts';

/** Windows in one run of the audio encoder: what one leaves in between still fits a processor's cache, eight take 1.6 times as long each. */
export const clapWindowsPerRun = 1;

/** The audio side, loaded: waveforms of at most 10 s to embeddings. */
export class ClapEar {
  private constructor(
    private readonly model: ClapModel,
    private readonly frontEnd: ClapSpec,
    private readonly engine: Engine,
    private readonly loaded: LoadedModel,
  ) {}

  static async load(model: ClapModel, frontEnd: ClapSpec, engine: Engine): Promise<ClapEar> {
    return new ClapEar(model, frontEnd, engine, await engine.load(model.audio.model));
  }

  /** @param waveforms mono at 48 kHz, 1 to 480,000 samples each @returns one row each, not normalised */
  async embed(waveforms: readonly Float32Array[]): Promise<Float32Array[]> {
    const { input, inputDims, output } = this.model.audio;
    const size = clapSpec.nMels * clapWindow.frames;
    const rows: Float32Array[] = [];
    for (let from = 0; from < waveforms.length; from += clapWindowsPerRun) {
      const some = waveforms.slice(from, from + clapWindowsPerRun);
      const pictures = new Float32Array(some.length * size);
      for (const [i, samples] of some.entries())
        pictures.set(frontEndPicture(samples, this.frontEnd).data, i * size);
      const feeds = { [input]: float32([some.length, ...inputDims], pictures) };
      const { [output]: embeds } = await this.engine.run(this.loaded, { feeds, fetch: [output] });
      rows.push(...rowsOf(embeds as Tensor<'float32'>));
    }
    return rows;
  }
}
