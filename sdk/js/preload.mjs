// What `tacit run script.mjs` has Node load before the script: the global `secrets`, and `tacit` as a name to import, unless the
// script's own node_modules has it.
import * as module from 'node:module';
import { secrets } from './index.mjs';

const here = new URL('./index.mjs', import.meta.url).href;

Object.defineProperty(globalThis, 'secrets', { value: secrets, writable: true, configurable: true, enumerable: false });

if (module.registerHooks) {
  module.registerHooks({
    resolve(specifier, context, next) {
      if (specifier !== 'tacit') return next(specifier, context);
      try {
        return next(specifier, context);
      } catch {
        return { url: context.conditions.includes('require') ? here.replace(/\.mjs$/, '.cjs') : here, shortCircuit: true };
      }
    },
  });
} else {
  // Hooks of older versions run beside the program and see `import` only; `require` finds the package by NODE_PATH.
  module.register(new URL('./resolve.mjs', import.meta.url), { data: { here } });
}
