/** A node of TensorFlow's GraphDef as JSON, as far as it is written here. */
export interface GraphDefNode {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr: Readonly<
    Record<
      string,
      | { readonly type: string }
      | { readonly s: string }
      | { readonly b: boolean }
      | { readonly list: { readonly i: readonly string[] } }
      | { readonly shape: TensorSpec['tensorShape'] }
      | { readonly tensor: TensorSpec }
    >
  >;
}

export interface TensorSpec {
  readonly dtype: string;
  readonly tensorShape: { readonly dim: readonly { readonly size: string }[] };
}
