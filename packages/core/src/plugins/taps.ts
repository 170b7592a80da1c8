import type { Detector, TapInfo } from '../contract/detector.js';
import type { Role, TapPair, TapRequests } from '../contract/plugin.js';
import { KdError, suggestion } from '../errors.js';

/** Taps that a detector offers and that match a name or a pattern with `*` (any run of characters). */
export function matchTaps(taps: readonly TapInfo[], pattern: string | readonly string[]): TapInfo[] {
  const tests = [pattern].flat().map((one) => new RegExp(`^${one.split('*').map(escape).join('.*')}$`));
  return taps.filter((tap) => tests.some((test) => test.test(tap.name)));
}

const escape = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');

/** What one plugin asked for. */
export interface TakenTaps {
  readonly student: readonly TapInfo[];
  readonly teacher: readonly TapInfo[];
  readonly pairs: readonly TapPair[];
}

/** Collects what the plugins ask for, so that the forward passes compute just that. */
export class TapRegistry {
  readonly #requested: Readonly<Record<Role, Set<string>>> = { teacher: new Set(), student: new Set() };
  readonly #taken = new Map<string, Record<Role, Set<TapInfo>> & { readonly pairs: TapPair[] }>();
  readonly #models: Readonly<Record<Role, Detector>>;

  constructor(models: Readonly<Record<Role, Detector>>) {
    this.#models = models;
  }

  requested(role: Role): readonly string[] {
    return [...this.#requested[role]];
  }

  takenBy(plugin: string): TakenTaps {
    const { student = [], teacher = [], pairs = [] } = this.#taken.get(plugin) ?? {};
    return { student: [...student], teacher: [...teacher], pairs: [...pairs] };
  }

  /** The view of one plugin. */
  for(plugin: string): TapRequests {
    const taken = { student: new Set<TapInfo>(), teacher: new Set<TapInfo>(), pairs: [] as TapPair[] };
    this.#taken.set(plugin, taken);
    const of = (role: Role, pattern: string | readonly string[]): readonly TapInfo[] => {
      const { taps } = this.#models[role];
      for (const one of [pattern].flat())
        if (matchTaps(taps, one).length === 0) throw unknownTap(plugin, role, this.#models[role], one);
      const found = matchTaps(taps, pattern);
      for (const tap of found) {
        this.#requested[role].add(tap.name);
        taken[role].add(tap);
      }
      return found;
    };
    return {
      of,
      pair: (pattern, options = {}) => {
        const pairs = pairByStride(plugin, of('student', pattern), of('teacher', pattern), options);
        taken.pairs.push(...pairs);
        return pairs;
      },
    };
  }
}

function pairByStride(
  plugin: string,
  student: readonly TapInfo[],
  teacher: readonly TapInfo[],
  { channels = 'equal', hint }: { readonly channels?: 'equal' | 'any'; readonly hint?: string },
): readonly TapPair[] {
  const refuse = (why: string, way: string): never => {
    throw new KdError(
      'TAP_MISMATCH',
      `${plugin}.featureTap: ${why}. Student: ${list(student)}. Teacher: ${list(teacher)}. ${way}`,
    );
  };
  for (const [role, taps] of [
    ['student', student],
    ['teacher', teacher],
  ] as const) {
    const strides = taps.map((tap) => tap.stride);
    if (new Set(strides).size !== strides.length) {
      refuse(
        `several taps of the ${role} have the same stride, so that they cannot be paired by it`,
        'Name one tap a level.',
      );
    }
  }
  const byStride = new Map(teacher.map((tap) => [tap.stride, tap]));
  const alone = student.filter((tap) => !byStride.has(tap.stride));
  const over = teacher.filter((tap) => !student.some((other) => other.stride === tap.stride));
  if (alone.length > 0 || over.length > 0) {
    refuse(
      `strides without a partner: ${list([...alone, ...over])}`,
      'Choose a pattern that matches the same strides in both, e.g. ["neck@p3", "neck@p4"].',
    );
  }
  const pairs = [...student]
    .sort((a, b) => a.stride - b.stride)
    .map((tap, index) => ({ student: tap, teacher: byStride.get(tap.stride)!, stride: tap.stride, index }));
  const unequal = channels === 'equal' ? pairs.filter((pair) => pair.student.channels !== pair.teacher.channels) : [];
  if (unequal.length > 0) {
    const which = unequal.map(
      (pair) =>
        `${pair.student.name} has ${pair.student.channels} channels, the teacher's ${pair.teacher.name} has ${pair.teacher.channels}`,
    );
    refuse(`channels differ: ${which.join('; ')}`, hint ?? 'Use an adapter, or a student of the same width.');
  }
  return pairs;
}

const list = (taps: readonly TapInfo[]): string =>
  taps.map((tap) => `${tap.name} (stride ${tap.stride}, ${tap.channels} channels)`).join(', ');

function unknownTap(plugin: string, role: Role, detector: Detector, pattern: string): KdError {
  const names = detector.taps.map((tap) => tap.name);
  const meant = suggestion(pattern, names);
  return new KdError(
    'TAP_UNKNOWN',
    `${plugin}.featureTap: the ${role} (${detector.name}) has no tap that matches ${JSON.stringify(pattern)}; ${meant === '' ? '' : `${meant} `}It has: ${list(detector.taps)}.`,
  );
}
