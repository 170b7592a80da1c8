import { type Detector, KdError, type PluginScope } from '@kd/core';

/**
 * A scope in which both detectors are their region proposal networks: dense heads with one class, the object.
 * @throws KdError PLUGIN_REQUIRES for a detector that does not offer its own
 */
export function proposalScope(scope: PluginScope): PluginScope {
  const network = (role: 'student' | 'teacher'): Detector => {
    const { name, firstStage } = scope[role];
    if (firstStage === undefined)
      throw new KdError(
        'PLUGIN_REQUIRES',
        `${scope.id}: rpn crosses the region proposal networks, and the ${role} (${name}) does not offer its own as a dense head (firstStage). Leave rpn out.`,
      );
    const own = scope[role];
    return {
      ...{ name, input: own.input, taps: own.taps, variables: own.variables, capabilities: own.capabilities },
      ...{ categories: [{ id: 1, name: 'object' }], head: firstStage.head, dense: firstStage.dense },
      forward: (...given) => own.forward(...given),
      priors: (...given) => own.priors(...given),
      decode: (...given) => own.decode(...given),
      assign: (...given) => own.assign(...given),
      terms: (...given) => own.terms(...given),
      detect: (...given) => own.detect(...given),
      dispose: () => {},
    };
  };
  return {
    ...scope,
    student: network('student'),
    teacher: network('teacher'),
    classes: { same: true, student: [0], teacher: [0] },
  };
}
