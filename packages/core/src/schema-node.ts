/** What is read of valibot's schemas, of every kind of them. */
export interface SchemaNode {
  readonly type?: string;
  /** Of variants the key that tells them apart. */
  readonly key?: string;
  readonly wrapped?: unknown;
  readonly getter?: (input: unknown) => unknown;
  readonly entries?: Readonly<Record<string, unknown>>;
  readonly options?: readonly unknown[];
  readonly items?: readonly unknown[];
  readonly item?: unknown;
  readonly value?: unknown;
}

/** A schema without what is around it. @param input what it is to take: a lazy one is chosen by that */
export function unwrapped(schema: unknown, input: unknown): SchemaNode {
  let node = (schema ?? {}) as SchemaNode;
  while (node.wrapped !== undefined || node.getter !== undefined)
    node = (node.getter?.(input) ?? node.wrapped) as SchemaNode;
  return node;
}
