/**
 * The part of WebAssembly's JavaScript interface used here; TypeScript ships it only with the DOM.
 */
declare namespace WebAssembly {
  interface Export {
    name: string;
    kind: 'function' | 'memory' | 'table' | 'global' | 'tag';
  }
  class Module {
    constructor(bytes: Uint8Array);
    static imports(module: Module): Export[];
    static exports(module: Module): Export[];
  }
  class Instance {
    constructor(module: Module, imports?: object);
    readonly exports: Readonly<Record<string, unknown>>;
  }
}
