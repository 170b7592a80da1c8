import { resolve } from 'node:path';
import { KdError, writeFileAtomic } from '@kd/core/plain';
import { cocoText, correctionLine, openChecked, toCoco } from '@kd/data';
import { dataArgument } from '../data-argument.js';
import type { Flags } from '../flags.js';
import { print, printJson, tell } from '../out.js';
import { refuseExisting, refuseSame } from '../output-file.js';
import { shownPath } from '../shown-path.js';

/** `kd data convert --yolo data.yaml --out annotations.json`: a data set of any form as a COCO instances file. */
export async function convertData(flags: Flags): Promise<number> {
  const { out, strict, json } = flags;
  if (out === undefined || out === true)
    throw new KdError(
      'USAGE',
      '--out FILE is missing: where the COCO file is to be written, such as annotations.json.',
    );
  const file = resolve(String(out));
  const argument = await dataArgument(flags, 'train');
  if (argument === null)
    throw new KdError(
      'USAGE',
      'Say what to convert: --coco JSON with --images DIR, --voc ROOT with --split NAME, --yolo data.yaml, --labelme DIR, --csv FILE, or --data.',
    );
  const { spec, folder } = argument;
  const sources = [spec['annotations'], spec['data']].flat().filter((one) => typeof one === 'string');
  for (const one of sources) await refuseSame(resolve(folder, one), file);
  // It may be a label file of the set, or a picture.
  refuseExisting(file, flags);
  const { dataset, report } = await openChecked(strict === true ? { ...spec, strict } : spec, folder);
  const { instances, images } = await toCoco(dataset, file);
  await writeFileAtomic(file, cocoText(instances));
  const ignored = instances.annotations.filter(({ iscrowd }) => iscrowd === 1).length;
  const counts = {
    images: instances.images.length,
    annotations: instances.annotations.length,
    categories: instances.categories.length,
    ignored,
  };
  if (json === true) {
    printJson({ ok: true, out: file, imagesFolder: images, ...counts, report });
    return 0;
  }
  tell(...report.map((one) => `corrected: ${correctionLine(one)}`));
  if (ignored > 0) tell(`note: ${ignored} boxes to ignore are written as crowds`);
  print(
    `${counts.images} images, ${counts.annotations} boxes, ${counts.categories} classes in ${shownPath(file)}`,
    `look at it: kd data check --coco ${shownPath(file)} --images ${shownPath(images)}`,
  );
  return 0;
}
