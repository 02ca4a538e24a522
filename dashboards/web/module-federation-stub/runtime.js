// Perses asks for this when a plugin is to come from another server. Ours are all in the bundle.
export function createInstance() {
  throw new Error('plugins are part of this application: none can be loaded from elsewhere');
}
