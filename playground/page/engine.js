// The simulator: hpasim as WebAssembly. It is asked with an object, and answers with one (playground/answer.hpp).
const engine = (() => {
  const encoder = new TextEncoder(), decoder = new TextDecoder();
  let module, instance;

  // What the C library would ask of an operating system. There is none: no files, no variables.
  function imports() {
    const zero = (...places) => {
      for (const place of places) new DataView(instance.exports.memory.buffer).setUint32(place, 0, true);
      return 0;
    };
    const known = {
      environ_sizes_get: zero, environ_get: () => 0, emscripten_notify_memory_growth: () => {},
      proc_exit: code => { throw new Error("the simulator ended with " + code); },
    };
    const all = {};
    for (const {module: from, name} of WebAssembly.Module.imports(module))
      (all[from] ??= {})[name] = known[name] ?? (() => 8);  // EBADF
    return all;
  }

  async function start() {
    const packed = Uint8Array.from(atob(document.getElementById("wasm").textContent.trim()), c => c.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    module = await WebAssembly.compile(await new Response(unpacked).arrayBuffer());
    restart();
  }
  function restart() {
    instance = new WebAssembly.Instance(module, imports());
    instance.exports._initialize?.();
  }

  function ask(question) {
    const bytes = encoder.encode(JSON.stringify(question));
    const memory = () => instance.exports.memory.buffer;
    try {
      new Uint8Array(memory(), instance.exports.question(bytes.length), bytes.length).set(bytes);
      const size = instance.exports.answer();
      return JSON.parse(decoder.decode(new Uint8Array(memory(), instance.exports.answer_text(), size)));
    } catch (error) {
      restart();  // whatever it was: the next question finds a fresh one
      return {error: {what: "The simulator failed", because: String(error.message || error), hint: "", where: "options", lines: []}};
    }
  }
  return {start, ask};
})();
