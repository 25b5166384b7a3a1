/**
 * @file RAVDESS (Livingstone and Russo 2018): folders `Actor_01` … `Actor_24`, and file names of seven numbers: modality,
 * vocal channel, emotion, intensity, statement, repetition, actor.
 */
import { basename, join, relative, sep } from 'node:path';
import { DatasetError } from '../core/index.ts';
import { listFolder } from './audioFiles.ts';
import { type Clip, classesOf, count, type Dataset } from './dataset.ts';
import { FolderWalk } from './folderWalk.ts';

const emotions = ['neutral', 'calm', 'happy', 'sad', 'angry', 'fearful', 'disgust', 'surprised'];
const fileName = /^\d\d-\d\d-(\d\d)-\d\d-\d\d-\d\d-(\d\d)\.\w+$/;

/** Whether a folder holds actors' folders. */
export async function isRavdess(root: string): Promise<boolean> {
  const { folders } = await listFolder(root);
  const actor = folders.find((name) => /^Actor_\d\d$/i.test(name));
  return (
    actor !== undefined && (await listFolder(join(root, actor))).files.some((name) => fileName.test(name))
  );
}

/** Opens RAVDESS: the emotion is the label, the actor the group. @throws {DatasetError} when no file has such a name */
export async function openRavdess(root: string): Promise<Dataset> {
  const walk = new FolderWalk(root);
  const clips: Clip[] = [];
  const seen = new Set<string>();
  let [strange, repeated] = [0, 0];
  for (const path of await walk.sounds(root)) {
    const name = basename(path);
    const match = fileName.exec(name);
    const label = match === null ? undefined : emotions[Number(match[1]) - 1];
    if (match === null || label === undefined) {
      strange++;
    } else if (seen.has(name)) {
      // Kaggle's copy holds everything twice, the second time in a folder of its own.
      repeated++;
    } else {
      seen.add(name);
      const id = relative(root, path).split(sep).join('/');
      clips.push({ id, path, label, fold: null, group: `actor ${match[2]}` });
    }
  }
  if (clips.length === 0) throw new DatasetError(`${root} holds no sound file that is named as in RAVDESS.`);
  const subject = basename(root);
  const notices = walk.notices(subject);
  if (repeated > 0)
    notices.push({ subject, message: `Files whose name occurs twice, taken once: ${repeated}.` });
  if (strange > 0) {
    notices.push({
      subject,
      message: `Not named as in RAVDESS and ignored: ${count(strange, 'sound file')}.`,
    });
  }
  return {
    name: 'RAVDESS',
    kind: 'ravdess',
    root,
    classes: classesOf(clips),
    clips,
    officialFolds: false,
    groupSource: 'The group is the actor in the file name.',
    synthetic: false,
    notices,
  };
}
