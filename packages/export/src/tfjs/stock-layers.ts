import { layers, type LayersModel, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { Layer } from '@kd/vision';
import type { Weight } from '../network/graph.js';
import type { Constant } from './graph-def.js';

type Numbers = Pick<Weight, 'name' | 'data'> & { readonly kernel: boolean };

/** Arguments of a layer whose numbers are given: they are not drawn. */
interface Given {
  readonly name: string;
  readonly kernelInitializer: 'zeros';
  readonly useBias: boolean;
}

/** Layers of TensorFlow.js as they are placed, and the numbers of those that have some. */
export interface StockLayers {
  /** Constants under the names that a reader looks for. */
  constants(): Constant[];
  /** Gives back what building them took; their names and shapes stay. */
  dispose(): void;
  /** A layer without numbers. @param id what it stands for, of which its name is made */
  place(id: string, make: (name: string) => Layer, inputs: SymbolicTensor | SymbolicTensor[]): SymbolicTensor;
  /** A layer with numbers: built once wherever it stands with the same. @param how what else tells two apart */
  weighted(
    x: SymbolicTensor,
    numbers: { readonly kernel: Numbers; readonly bias?: Omit<Numbers, 'kernel'> | undefined },
    how: string,
    make: (given: Given) => Layer,
  ): SymbolicTensor;
  /** Each channel times a number plus another. */
  affine(
    x: SymbolicTensor,
    scale: Pick<Weight, 'name' | 'data'>,
    shift?: Pick<Weight, 'name' | 'data'>,
  ): SymbolicTensor;
}

/**
 * Before names of layers while they are built: tfjs-core keeps variables by name, where those of the detector may lie
 * under the same ones through another copy of tfjs-layers.
 */
const BUILT = 'kd-export/';

/** Topology as it is written. */
export const topologyOf = (model: LayersModel): unknown =>
  JSON.parse(JSON.stringify(model.toJSON(null, false)).replaceAll(`"${BUILT}`, '"'));

export function stockLayers(): StockLayers {
  const built = new Map<string, { readonly layer: Layer; readonly numbers: readonly Numbers[] }>();
  const used = new Set<string>();
  /** Names of layers have letters, digits and `.`, `_`, `/`, `-` alone. */
  const unique = (wanted: string): string => {
    const base = wanted.replaceAll(/[^\w./-]/g, '_').replace(/^\W|^_/, 'layer$&');
    let name = base;
    for (let n = 1; used.has(name); n++) name = `${base}_${n}`;
    used.add(name);
    return BUILT + name;
  };
  const weighted: StockLayers['weighted'] = (x, { kernel, bias }, how, make) => {
    const key = [kernel.name, bias?.name, how].join(' ');
    let found = built.get(key);
    if (found === undefined) {
      const name = unique(kernel.name.replace(/\.(?:weight|scale)$/, ''));
      const numbers = [kernel, ...(bias ? [{ ...bias, kernel: false }] : [])];
      found = { layer: make({ name, kernelInitializer: 'zeros', useBias: bias !== undefined }), numbers };
      built.set(key, found);
    }
    return found.layer.apply(x) as SymbolicTensor;
  };
  return {
    weighted,
    place: (id, make, inputs) => make(unique(id)).apply(inputs) as SymbolicTensor,
    affine: (x, scale, shift) =>
      weighted(x, { kernel: { ...scale, kernel: false }, bias: shift }, 'affine', ({ kernelInitializer, ...given }) =>
        layers.depthwiseConv2d({ ...given, kernelSize: 1, depthwiseInitializer: kernelInitializer }),
      ),
    dispose() {
      for (const { layer } of built.values()) for (const weight of layer.weights) weight.dispose();
    },
    constants: () =>
      [...built.values()].flatMap(({ layer, numbers }) =>
        numbers.map(({ data, kernel }, i) => {
          const { originalName, shape } = layer.weights[i]!;
          return { name: originalName.slice(BUILT.length), shape: shape as number[], data, kernel };
        }),
      ),
  };
}
