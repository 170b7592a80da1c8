/** The element of index.html with this id. */
export function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new Error(`index.html has no ${type.name} #${id}: take the one of this version.`);
}

/** An element with a text, which is never read as markup. */
export function made<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  text = '',
  ...children: readonly Node[]
): HTMLElementTagNameMap[Name] {
  const node = document.createElement(name);
  node.append(text, ...children);
  return node;
}
