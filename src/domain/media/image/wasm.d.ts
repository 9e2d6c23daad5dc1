/** A compiled WebAssembly module, as the platform hands it over. */
declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}
