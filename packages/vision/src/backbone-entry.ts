import { API_VERSION, type BackboneDefinition, KdError, parseOptions, type Use } from '@kd/core';
import * as v from 'valibot';
import { RESNETS, type ResnetShape } from './resnet.js';
import { resnet, resnets, resnetShape } from './resnet-backbone.js';

/** What a config may say besides: names of other backbones, which core resolves before the schema sees them. */
type Named = Use<BackboneDefinition> | readonly [name: string, options?: object] | (string & {});

const isUse = (given: unknown): given is Use<BackboneDefinition> =>
  (given as Partial<Use<Partial<BackboneDefinition>>> | null)?.definition?.kind === 'backbone';

const names = Object.keys(RESNETS) as (keyof typeof RESNETS)[];

/** Schema of the option `backbone`; the options of a backbone are parsed with it. */
export const backboneEntry = v.union(
  [
    v.picklist(names),
    resnetShape,
    v.pipe(
      v.custom<Named>(isUse),
      v.transform((given) => parsed(given as Use<BackboneDefinition>)),
    ),
  ],
  `must be one of ${names.join(', ')}, or { block: "basic" | "bottleneck", layers: [four numbers of blocks], width: channels of the stem, groups and widthPerGroup of a ResNeXt, style: "pytorch" | "caffe" }, or in a config the name of another backbone or [name, { options }], or what the function of a backbone returns`,
);

export type BackboneEntry = v.InferOutput<typeof backboneEntry>;

function parsed({ definition, options }: Use<BackboneDefinition>): Use<BackboneDefinition> {
  if (definition.apiVersion !== API_VERSION)
    throw new KdError(
      'PLUGIN_INVALID',
      `backbone "${definition.name}" is built for version ${definition.apiVersion} of the contract, this core speaks ${API_VERSION}.`,
    );
  return { definition, options: parseOptions(definition.options, options, `backbone "${definition.name}"`) };
}

/** The backbone that an entry stands for. */
export function backboneOf(entry: BackboneEntry): Use<BackboneDefinition> {
  if (typeof entry === 'string') return { definition: resnets.find(({ name }) => name === entry)!, options: {} };
  if (isUse(entry)) return entry;
  return { definition: resnet.definition as BackboneDefinition, options: entry satisfies ResnetShape };
}
