// The types of the package for `import`: the same.
export * from './index.cjs';
