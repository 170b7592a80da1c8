import { access } from 'node:fs/promises';
import { join } from 'node:path';

export const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/**
 * The path as the disk has it: macOS and its archives take letters with marks apart (NFD), others keep them whole
 * (NFC), and file systems tell the two apart. As it stands where it is there, or in no form.
 * @param path below the folder, with `/`
 */
export async function composedAs(
  folder: string,
  path: string,
): Promise<{ readonly path: string; readonly why?: string }> {
  if (path.normalize('NFC') === path.normalize('NFD') || (await isThere(join(folder, path)))) return { path };
  let found = '';
  for (const part of path.split('/')) {
    const forms = [part, part.normalize('NFC'), part.normalize('NFD')].map((form) => join(found, form));
    const there = await Promise.all(forms.map((form) => isThere(join(folder, form))));
    const form = forms.find((_, i) => there[i]);
    if (form === undefined) return { path };
    found = form;
  }
  const read = found.replaceAll('\\', '/');
  return { path: read, why: `the name is read as ${read} of the folder, the same letters by other code points` };
}
