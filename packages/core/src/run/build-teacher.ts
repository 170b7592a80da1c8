import { API_VERSION } from '../contract/plugin.js';
import type { Teacher, TeacherContext, TeacherDefinition } from '../contract/teacher.js';
import type { Use } from '../define.js';
import { withDerived } from '../derived-options.js';
import { isKdError, KdError, messageOf } from '../errors.js';
import { checkMembers, MEMBERS } from '../members.js';
import { parseOptions } from '../options.js';

/** A teacher of another family with the options that build it again. */
export interface BuiltForeign {
  readonly teacher: Teacher;
  readonly definition: TeacherDefinition;
  readonly options: unknown;
}

/** @throws KdError PLUGIN_INVALID, CONFIG_INVALID; TEACHER_INVALID for taps that are none; what `create` throws */
export async function buildTeacher(use: Use<TeacherDefinition>, context: TeacherContext): Promise<BuiltForeign> {
  checkMembers(use, { definition: 'object' }, 'a teacher with its options', 'USAGE');
  checkMembers(use.definition, MEMBERS.teacher, 'the definition of a teacher');
  const { definition } = use;
  const what = `teacher "${definition.name}"`;
  if (definition.apiVersion !== API_VERSION)
    throw new KdError(
      'PLUGIN_INVALID',
      `${what} is built for version ${definition.apiVersion} of the contract, this core speaks ${API_VERSION}.`,
    );
  const options = parseOptions(definition.options, use.options, what);
  const teacher = await created(what, () => definition.create(options, context));
  try {
    checkMembers(teacher, MEMBERS.builtTeacher, `what create of ${what} returned`);
    checkTaps(what, teacher);
  } catch (error) {
    await (teacher as Partial<Teacher> | undefined)?.dispose?.();
    throw error;
  }
  return { teacher, definition, options: withDerived(definition.options, options, teacher.config) };
}

async function created(what: string, create: () => Teacher | Promise<Teacher>): Promise<Teacher> {
  try {
    return await create();
  } catch (cause) {
    if (isKdError(cause)) throw cause;
    throw new KdError('PLUGIN_HOOK', `${what}: create threw: ${messageOf(cause)}`.split('\n'), { cause });
  }
}

function checkTaps(what: string, { taps }: Teacher): void {
  const refuse = (why: string): never => {
    throw new KdError('TEACHER_INVALID', `${what}: ${why}.`);
  };
  if (taps.length === 0) refuse('it has no tap, so that nothing can be learned from it. Name some of its maps as taps');
  const names = new Set<string>();
  for (const tap of taps as readonly unknown[]) {
    checkMembers(tap, { name: 'text', stride: 'number', channels: 'number' }, `a tap of ${what}`);
    const { name, stride, channels } = tap as Teacher['taps'][number];
    if (names.has(name)) refuse(`two of its taps are named "${name}". Give them names of their own`);
    names.add(name);
    if (stride < 1 || !Number.isInteger(channels) || channels < 1)
      refuse(
        `the tap "${name}" has stride ${stride} and ${channels} channels; a map has a stride of at least 1 pixel and whole channels. Choose another tap`,
      );
  }
}
