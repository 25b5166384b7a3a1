import { Buffer } from 'node:buffer';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { Notice } from '../../src/core/index.ts';
import { FolderWalk, inspectDataset, isAudioName, openDataset } from '../../src/datasets/index.ts';
import { findSoundFiles } from '../../src/workflows/soundFiles.ts';
import { makeFolder } from './layouts.ts';

// Folders named `locked` cannot be read, as by their permissions (which do not bind the superuser).
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>();
  const readdir = (path: string, options: { withFileTypes: true }) =>
    path.endsWith('locked')
      ? Promise.reject(Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }))
      : real.readdir(path, options);
  return { ...real, readdir, default: real };
});

const text = (notices: readonly Notice[]) => notices.map(({ message }) => message).join('\n');

describe('what is a sound file', () => {
  it.each(
    'wav wave flac ogg oga opus mp3 m4a aac mp4 webm aif aiff au caf w64 rf64 bwf wv wma amr ac3 mp2 mka mov weba spx'.split(
      ' ',
    ),
  )('a .%s is, in capitals too', (extension) => {
    expect(isAudioName(`x.${extension}`)).toBe(true);
    expect(isAudioName(`X.Y.${extension.toUpperCase()}`)).toBe(true);
    // What a Mac puts beside a file on foreign disks.
    expect(isAudioName(`._x.${extension}`)).toBe(false);
  });

  it.each(['x.txt', 'wav', 'x.wav.part', '.wav'])('%s is none', (name) => {
    expect(isAudioName(name)).toBe(false);
  });
});

describe('walking folders', () => {
  const files = {
    'a/1.wav': 'x',
    'a/deep/er/still/and/more/2.AIFF': 'y',
    'a/locked/3.wav': 'z',
    'a/.hidden/4.wav': 'h',
    'a/._1.wav': 'h',
    'a/list.txt': '',
    'a/LIST.TXT': '',
    'a/README': '',
    'a/sound.dat': 'RIFF\x04\0\0\0WAVEfmt ',
    'b/5.mka': 'v',
  };

  async function tree(): Promise<string> {
    const root = await makeFolder(files);
    await fs.symlink(join(root, 'a'), join(root, 'a/circle'));
    await fs.symlink(root, join(root, 'a/up'));
    await fs.symlink(join(root, 'nowhere'), join(root, 'a/dead'));
    await fs.symlink(join(root, 'b/5.mka'), join(root, 'a/linked.mka'));
    return root;
  }

  it('finds the same files for every command, and says the same of the rest', async () => {
    const root = await tree();
    const dataset = await openDataset(root);
    const notices: Notice[] = [];
    const found = await findSoundFiles([root], (notice) => notices.push(notice));
    expect(dataset.clips.map(({ id }) => id).sort()).toEqual([
      'a/1.wav',
      'a/deep/er/still/and/more/2.AIFF',
      'a/linked.mka',
      'b/5.mka',
    ]);
    expect(found.map(({ place }) => place)).toEqual(dataset.clips.map(({ id }) => id).sort());
    for (const said of [text(dataset.notices), text(notices)]) {
      expect(said).toContain('whatever sounds are in there are missing: 1 folder (a/locked)');
      expect(said).toContain('Not sound files by extension, ignored: 3 files (2 .txt, 1 without extension)');
      expect(said).toContain('Sound by content but not by extension, ignored: 1 file (a/sound.dat)');
      expect(said).toContain('lead nowhere: 1 (a/dead)');
      expect(said).toContain('not followed: 2 (a/circle, a/up)');
    }
  });

  it('says of a folder without sound what is in it', async () => {
    const root = await makeFolder({ 'locked/1.wav': '', 'notes.txt': '' });
    const error = await findSoundFiles([root]).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      message: expect.stringContaining('There is no sound file'),
      hint: expect.stringMatching(/1 folder \(locked\).*1 \.txt/),
    });
    await expect(openDataset(root)).rejects.toMatchObject({
      hint: expect.stringContaining('1 folder (locked)'),
    });
  });

  it('follows links that multiply only once, however many ways lead to a folder', async () => {
    const root = await makeFolder({ '0/x.wav': '', '1/x.wav': '' });
    for (let depth = 2; depth < 40; depth++) {
      await fs.mkdir(join(root, String(depth)));
      for (const name of ['l', 'r'])
        await fs.symlink(join(root, String(depth - 1)), join(root, String(depth), name));
    }
    const walk = new FolderWalk(root);
    expect(await walk.sounds(join(root, '39'))).toHaveLength(1);
    expect(text(walk.notices(''))).toContain('not followed: 38');
  });

  it.skipIf(process.platform !== 'linux')(
    'tells of names that are no UTF-8, which no path can name',
    async () => {
      const root = await makeFolder({ 'a/1.wav': 'x', 'b/2.wav': 'y' });
      const name = Buffer.concat([
        Buffer.from(join(root, 'a/caf')),
        Buffer.from([0xe9]),
        Buffer.from('.wav'),
      ]);
      await fs.writeFile(name, 'x');
      const dataset = await openDataset(root);
      expect(dataset.clips.map(({ id }) => id)).toEqual(['a/1.wav', 'b/2.wav']);
      expect(text(dataset.notices)).toContain(
        'Names that are not UTF-8, so that the files cannot be opened: 1',
      );
    },
  );
});

describe('inspection by headers alone', () => {
  it('does not call unreadable what ffmpeg reads for training, and counts it', async () => {
    const fixtures = join(import.meta.dirname, '../fixtures/audio');
    const root = await makeFolder({ 'a/broken.wav': 'no sound', 'b/x.txt': '' });
    await fs.copyFile(join(fixtures, 'aac.m4a'), join(root, 'a/1.m4a'));
    await fs.copyFile(join(fixtures, 'opus.webm'), join(root, 'b/2.webm'));
    const inspection = await inspectDataset(await openDataset(root), { decode: false, workers: 0 });
    expect(inspection.unreadable.map(({ clip }) => clip)).toEqual(['a/broken.wav']);
    expect(inspection.formats).toEqual([
      { value: 'matroska (by ffmpeg)', clips: 1 },
      { value: 'mov (by ffmpeg)', clips: 1 },
    ]);
  });
});
