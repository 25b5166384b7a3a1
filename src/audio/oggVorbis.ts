/** @file Ogg Vorbis: packets to samples through libvorbis, ended where the last page says. */
import { DecodeError } from '../core/errors.ts';
import { WAV_ORDER } from './channelOrder.ts';
import { callCodec } from './codecCalls.ts';
import { latin1 } from './latin1.ts';
import { badHeaderError, NO_END, type OggLink } from './oggLink.ts';
import { acquireVorbisCodec, releaseVorbisCodec, type VorbisCodec } from './vorbisCodec.ts';

/** The fields of the identification packet (Vorbis I specification, 4.2.2). */
function readVorbisHeader(id: Uint8Array, name: string) {
  const view = new DataView(id.buffer, id.byteOffset, id.byteLength);
  const channels = id.length >= 30 ? id[11] : 0;
  const sampleRate = id.length >= 30 ? view.getUint32(12, true) : 0;
  if (channels === 0 || sampleRate === 0) {
    throw badHeaderError(name, 'Ogg Vorbis', `states ${channels} channels at ${sampleRate} Hz`);
  }
  return { channels, sampleRate, longBlock: 1 << (id[28] >> 4) };
}

/** Packets of sound begin with a byte that is even (Vorbis I specification, 4.2.1). */
function isHeader(packet: Uint8Array): boolean {
  return (packet[0] & 1) === 1 && latin1(packet, 1, 6) === 'vorbis';
}

/** Samples of a page that ends with the stream, beyond the position of the page before. */
function endOf(granule: number | null, before: number): number {
  return granule === null ? Number.POSITIVE_INFINITY : Math.max(0, granule - before);
}

export async function createVorbisLink(id: Uint8Array, name: string): Promise<OggLink> {
  const { channels, sampleRate, longBlock } = readVorbisHeader(id, name);
  const order = WAV_ORDER[channels];
  let codec: VorbisCodec | null = await acquireVorbisCodec();
  /** Header packets that have come; the first one is in `id`. */
  let headers = 1;
  /** Position stated by the last page that stated one. */
  let before = 0;
  /** The setup header, until the first packet of sound. */
  let setup: Uint8Array | null = null;
  const decode = (packets: Uint8Array[]): Float32Array[] => {
    const pending = setup;
    if (pending !== null) callCodec(name, 'Ogg Vorbis', () => codec?.setUp(id, pending));
    setup = null;
    const decoded = callCodec(name, 'Ogg Vorbis', () => codec?.decode(packets) ?? []);
    return order === undefined || decoded.length !== channels ? decoded : order.map((c) => decoded[c]);
  };
  /** Reads a header packet; false if `packet` holds sound. A header that comes again replaces the one before. */
  const readHeader = (packet: Uint8Array): boolean => {
    if (!(headers < 3 || (setup !== null && isHeader(packet)))) return false;
    if (packet[0] === 5 && isHeader(packet)) setup = packet;
    else if (headers === 2) throw noSetupError(name);
    headers++;
    return true;
  };
  return {
    codec: 'vorbis',
    sampleRate,
    channels,
    bitsPerSample: null,
    frames: null,
    push(packets, granule, last) {
      let first = 0;
      while (first < packets.length && readHeader(packets[first])) first++;
      let decoded = packets.length === first ? [] : decode(packets.slice(first));
      if (last && decoded.length > 0) {
        const kept = endOf(granule, before);
        if (kept < decoded[0].length) decoded = decoded.map((samples) => samples.subarray(0, kept));
      }
      before = granule ?? before;
      return decoded.length > 0 && decoded[0].length > 0 ? [decoded] : [];
    },
    resume(packet, _, granule) {
      decode([packet]);
      before = granule;
    },
    finish(ended, warnings) {
      if (headers < 3) throw noSetupError(name);
      if (!ended) warnings.push(NO_END);
      return [];
    },
    free(intact) {
      if (codec !== null) releaseVorbisCodec(codec, intact);
      codec = null;
    },
    // No packet yields more than half a long block. A stream that was cut out of a longer one begins somewhere.
    startOf: (packets, granule) => (granule <= (packets.length * longBlock) / 2 ? 0 : null),
  };
}

function noSetupError(name: string): DecodeError {
  return new DecodeError(`${name} is an Ogg Vorbis file without its setup header, so it cannot be decoded.`, {
    hint: 'The file is cut off or damaged; get it again or remove it.',
  });
}
