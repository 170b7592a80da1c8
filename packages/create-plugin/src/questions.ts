import { cancel, intro, isCancel, outro, select, text } from '@clack/prompts';
import { type Kind, naming } from './naming.js';

export interface Answers {
  readonly kind: Kind;
  readonly name: string;
}

/** Asks for a name, and for the kind where it was not said. Null when the person gives up. */
export async function ask(said: Kind | null): Promise<Answers | null> {
  intro('A package of your own for @kd');
  const kind =
    said ??
    (await select({
      message: 'What is it?',
      options: [
        { value: 'distiller' as const, label: 'a distiller', hint: 'how a teacher teaches' },
        { value: 'detector' as const, label: 'a detector', hint: 'what is taught' },
        { value: 'teacher' as const, label: 'a teacher', hint: 'features of another network' },
      ],
    }));
  if (isCancel(kind)) return givenUp();
  const name = await text({
    message: 'Its name',
    placeholder: `my-${kind}`,
    defaultValue: `my-${kind}`,
    validate: (value) => problemOf(kind, value ?? ''),
  });
  if (isCancel(name)) return givenUp();
  outro(`${name}, a ${kind}`);
  return { kind, name };
}

function givenUp(): null {
  cancel('Nothing was written.');
  return null;
}

function problemOf(kind: Kind, name: string): string | undefined {
  try {
    if (name !== '') naming(kind, name);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
