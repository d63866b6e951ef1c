// Resolves `import 'tacit'` for preload.mjs, where Node runs such hooks in a thread of their own.
let here;

export function initialize(data) {
  here = data.here;
}

export async function resolve(specifier, context, next) {
  if (specifier !== 'tacit') return next(specifier, context);
  try {
    return await next(specifier, context);
  } catch {
    return { url: here, shortCircuit: true };
  }
}
